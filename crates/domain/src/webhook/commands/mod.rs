//! What people can do about webhooks.

mod endpoints;
mod replay;

pub use endpoints::{
    EndpointChange, NewEndpoint, WithSecret, create_endpoint, delete_endpoint, disable_endpoint,
    enable_endpoint, rotate_secret, update_endpoint,
};
pub use replay::{Replay, replay_message, replay_since, test_endpoint};
