//! Who may be connected at a time: so many in all, and so many from one address, that no single client keeps everybody else
//! out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections open at once.
const MAX_SOCKETS: usize = 4096;
/// Connections open at once from one address. Many people may share one.
const MAX_OF_ADDRESS: usize = 64;
/// Those of them that nobody has signed in on.
const MAX_UNKNOWN: usize = 32;

/// The places for connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, OfAddress>,
}

/// The connections from one address.
#[derive(Debug, Default)]
struct OfAddress {
    all: usize,
    unknown: usize,
}

/// One connection's place; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    address: IpAddr,
    unknown: bool,
}

impl Places {
    /// A place for a connection from `address`, if one is free.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut taken = self.taken();
        if taken.all >= MAX_SOCKETS {
            return None;
        }
        let of = taken.of.entry(address).or_default();
        if of.all >= MAX_OF_ADDRESS {
            return None;
        }
        of.all += 1;
        taken.all += 1;
        Some(Place {
            places: self.clone(),
            address,
            unknown: false,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counts are whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Keeps the place though nobody is signed in; whether that may be.
    pub(super) fn keep_unknown(&mut self) -> bool {
        let mut taken = self.places.taken();
        let of = taken.of.entry(self.address).or_default();
        if self.unknown || of.unknown >= MAX_UNKNOWN {
            return self.unknown;
        }
        of.unknown += 1;
        self.unknown = true;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        let Some(of) = taken.of.get_mut(&self.address) else {
            return;
        };
        of.all -= 1;
        of.unknown -= usize::from(self.unknown);
        if of.all == 0 {
            taken.of.remove(&self.address);
        }
    }
}

/// Of IPv6 the network of 64 bits: one customer has as many addresses as it likes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_so_many_places_and_gets_them_back() {
        let places = Places::default();
        let one = || places.take(address("192.0.2.1"));
        let mut taken: Vec<Place> = std::iter::from_fn(one).collect();
        assert_eq!(taken.len(), MAX_OF_ADDRESS);
        assert!(places.take(address("192.0.2.2")).is_some(), "another address");
        taken.pop();
        assert!(one().is_some());
        drop(taken);
        assert!(places.taken().of.is_empty());
        assert_eq!(places.taken().all, 0);
    }

    #[test]
    fn half_of_them_may_be_nobodys() {
        let places = Places::default();
        let mut taken: Vec<Place> = (0..MAX_OF_ADDRESS)
            .filter_map(|_| places.take(address("192.0.2.1")))
            .collect();
        let kept = taken
            .iter_mut()
            .filter_map(|place| place.keep_unknown().then_some(()))
            .count();
        assert_eq!(kept, MAX_UNKNOWN);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let places = Places::default();
        let taken: Vec<Place> = (0..100)
            .filter_map(|n| places.take(address(&format!("2001:db8::{n:x}"))))
            .collect();
        assert_eq!(taken.len(), MAX_OF_ADDRESS);
        assert!(places.take(address("2001:db8:0:1::1")).is_some());
    }
}
