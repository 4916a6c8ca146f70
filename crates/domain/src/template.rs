//! Addresses of the operator's frontend, as templates to be filled in. Only stored values and secrets of ours go in, each
//! percent-encoded, and what they bring along is never read as a placeholder.

use url::form_urlencoded::byte_serialize;

/// Fills in `template`: each placeholder, such as `{shop}`, is named with its value. A brace that opens no placeholder
/// stays as it is.
pub(crate) fn fill_in(template: &str, places: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 100);
    let mut rest = template;
    while let Some(brace) = rest.find('{') {
        let (before, from_brace) = rest.split_at(brace);
        filled.push_str(before);
        rest = match places.iter().find(|(name, _)| from_brace.starts_with(name)) {
            Some((name, value)) => {
                filled.extend(byte_serialize(value.as_bytes()));
                &from_brace[name.len()..]
            }
            None => {
                filled.push('{');
                &from_brace[1..]
            }
        };
    }
    filled.push_str(rest);
    filled
}
