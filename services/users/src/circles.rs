//! Where forwards send callers round in a circle.

use crate::store::lint::Forward;

/// A message names so many users of a circle.
const NAMED: usize = 10;

/// A way back to where it began.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle<'forwards> {
    /// Leads back. Without it the circle is none.
    pub(crate) last: &'forwards Forward,
    /// The way to it, itself included: the first [`NAMED`] forwards.
    pub(crate) way: Vec<&'forwards Forward>,
    /// How many there are.
    pub(crate) length: usize,
}

/// Whether a user's forwards have been followed, by the place of the first one.
#[derive(Clone, Copy)]
enum Followed {
    Never,
    /// They are part of the present way, as its so-and-so-many-th.
    OnTheWay(usize),
    ToTheEnd,
}

/// A circle for each forward that leads back to where the way to it has come by; without these forwards there is no circle left.
///
/// A walk along all forwards, which stand in the order of their users, each once.
pub(crate) fn circles(forwards: &[Forward]) -> Vec<Circle<'_>> {
    let first_of = |user_id| forwards.partition_point(|forward| forward.user_id < user_id);
    let is_of = |place: usize, user_id| forwards.get(place).is_some_and(|forward| forward.user_id == user_id);
    let mut followed = vec![Followed::Never; forwards.len()];
    let mut circles = Vec::new();
    for start in 0..forwards.len() {
        if first_of(forwards[start].user_id) != start || !matches!(followed[start], Followed::Never) {
            continue;
        }
        followed[start] = Followed::OnTheWay(0);
        // Of each user on the way, the forward that is followed.
        let mut way = vec![start];
        while let Some(last) = way.last().map(|place| &forwards[*place]) {
            let next = first_of(last.to);
            if is_of(next, last.to) {
                match followed[next] {
                    Followed::Never => {
                        followed[next] = Followed::OnTheWay(way.len());
                        way.push(next);
                        continue;
                    }
                    Followed::OnTheWay(begin) => {
                        let length = way.len() - begin;
                        let named = way[begin..].iter().take(NAMED).map(|place| &forwards[*place]).collect();
                        circles.push(Circle { last, way: named, length });
                    }
                    Followed::ToTheEnd => {}
                }
            }
            // On with the next forward of the same user, or of the nearest one before who has another.
            while let Some(place) = way.pop() {
                let user_id = forwards[place].user_id;
                if is_of(place + 1, user_id) {
                    way.push(place + 1);
                    break;
                }
                followed[first_of(user_id)] = Followed::ToTheEnd;
            }
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// From user to user.
    fn forwards(of: &[(i32, i32)]) -> Vec<Forward> {
        let forward = |&(user_id, to): &(i32, i32)| {
            let (kind, extension) = ("busy".to_owned(), user_id.to_string());
            Forward { user_id, kind, extension, to }
        };
        of.iter().map(forward).collect()
    }

    /// The users of each circle, and the one whose forward leads back.
    fn found(of: &[(i32, i32)]) -> Vec<(Vec<i32>, i32)> {
        let forwards = forwards(of);
        let circles = circles(&forwards);
        let users = |circle: &Circle<'_>| circle.way.iter().map(|forward| forward.user_id).collect();
        circles.iter().map(|circle| (users(circle), circle.last.user_id)).collect()
    }

    #[test]
    fn a_circle_is_found_however_long_it_is_and_wherever_the_way_to_it_begins() {
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[(1, 2), (2, 3)]), []);
        assert_eq!(found(&[(1, 1)]), [(vec![1], 1)]);
        assert_eq!(found(&[(1, 2), (2, 1)]), [(vec![1, 2], 2)]);
        assert_eq!(found(&[(1, 4), (2, 4), (4, 5), (5, 6), (6, 4)]), [(vec![4, 5, 6], 6)]);
        assert_eq!(found(&[(1, 2), (2, 1), (3, 4), (4, 3)]), [(vec![1, 2], 2), (vec![3, 4], 4)]);
    }

    #[test]
    fn users_with_two_forwards_can_be_part_of_two_circles() {
        assert_eq!(found(&[(1, 2), (1, 3), (2, 1), (3, 1)]), [(vec![1, 2], 2), (vec![1, 3], 3)]);
        assert_eq!(found(&[(1, 2), (1, 2), (2, 3)]), []);
    }

    #[test]
    fn a_long_circle_is_named_by_its_beginning() {
        let long: Vec<_> = (1..=50_000).map(|user| (user, user % 50_000 + 1)).collect();
        let forwards = forwards(&long);
        let circles = circles(&forwards);
        assert_eq!(circles.len(), 1);
        assert_eq!((circles[0].way.len(), circles[0].length, circles[0].last.user_id), (NAMED, 50_000, 50_000));
    }

    /// Whether users are left when those are taken away, again and again, whose forwards all lead to nobody who is left.
    fn has_a_circle(forwards: &[(i32, i32)]) -> bool {
        let mut left: BTreeSet<i32> = forwards.iter().map(|(from, _)| *from).collect();
        loop {
            let leads_on = |user: i32| forwards.iter().any(|(from, to)| *from == user && left.contains(to));
            let still: BTreeSet<i32> = left.iter().copied().filter(|user| leads_on(*user)).collect();
            if still == left {
                return !left.is_empty();
            }
            left = still;
        }
    }

    proptest! {
        #[test]
        fn without_the_last_forwards_of_its_circles_nothing_has_a_circle(
            mut forwards in vec((1..12, 1..12), 0..20)
        ) {
            forwards.sort_unstable();
            forwards.dedup();
            let found = found(&forwards);
            prop_assert_eq!(found.is_empty(), !has_a_circle(&forwards));
            for (users, last) in found {
                prop_assert_eq!(users.last(), Some(&last));
                let way = users.iter().zip(users.iter().cycle().skip(1));
                for (from, to) in way {
                    prop_assert!(forwards.contains(&(*from, *to)));
                }
                forwards.retain(|forward| *forward != (last, users[0]));
            }
            prop_assert!(!has_a_circle(&forwards));
        }
    }
}
