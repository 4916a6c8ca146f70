//! Pure decisions about shops.

use vitrine_model::id::RecommendationId;
use vitrine_model::text::Name;

/// Most shops of one account, those closed among them: handles are never given back.
pub const MAX_SHOPS: u64 = 20;
/// Most live recommendations of one shop.
pub(crate) const MAX_RECOMMENDATIONS: u64 = 1000;

/// What a buyer is told beside every recommendation: that the one who recommends earns (Directive 2005/29/EC, annex I,
/// no. 11).
pub fn disclosure(shopholder: &Name) -> String {
    format!("{shopholder} earns a commission on what you buy through this recommendation.")
}

/// What a buyer is told beside a line of her cart or order that is credited to a shop, however she came to it.
pub fn sale_disclosure(shopholder: &Name) -> String {
    format!("{shopholder} earns a commission on this.")
}

/// Where each of the `moved` recommendations goes: among themselves they take the places they had, in the new order. The
/// others stay where they are. `None` when one is missing from `places` or named twice.
pub(crate) fn rearrange(
    places: &[(RecommendationId, i32)],
    moved: &[RecommendationId],
) -> Option<Vec<(RecommendationId, i32)>> {
    let known: std::collections::HashMap<_, _> = places.iter().copied().collect();
    let mut seen = std::collections::HashSet::new();
    let mut free = Vec::with_capacity(moved.len());
    for id in moved {
        free.push(*known.get(id)?);
        if !seen.insert(*id) {
            return None;
        }
    }
    free.sort_unstable();
    Some(moved.iter().copied().zip(free).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> RecommendationId {
        RecommendationId::from(Uuid::from_u128(n))
    }

    #[test]
    fn the_moved_take_the_places_they_had_among_themselves() {
        let places = [(id(1), 1), (id(2), 5), (id(3), 6), (id(4), 9)];
        assert_eq!(
            rearrange(&places, &[id(4), id(1), id(3)]),
            Some(vec![(id(4), 1), (id(1), 6), (id(3), 9)])
        );
    }

    #[test]
    fn a_stranger_or_a_repetition_spoils_the_order() {
        let places = [(id(1), 1), (id(2), 2)];
        assert_eq!(rearrange(&places, &[id(1), id(3)]), None);
        assert_eq!(rearrange(&places, &[id(1), id(1)]), None);
    }

    proptest! {
        #[test]
        fn any_full_order_is_reached(order in Just((0..30_u128).collect::<Vec<_>>()).prop_shuffle()) {
            let places: Vec<_> = (0..30).map(|n| (id(n), i32::try_from(n).unwrap() * 7)).collect();
            let wanted: Vec<_> = order.into_iter().map(id).collect();
            let mut arranged = rearrange(&places, &wanted).unwrap();
            arranged.sort_by_key(|(_, place)| *place);
            prop_assert_eq!(arranged.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), wanted);
        }
    }
}
