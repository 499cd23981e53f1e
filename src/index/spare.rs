//! Room that tables do not need any more.

use std::hash::Hash;

use foldhash::HashMap;

/// How many entries a table may have room for without anybody minding.
const SMALL: usize = 1024;

/// Gives the room of a table back that has become small. It is asked after every removal: what it costs is
/// shared by all that were removed.
pub(super) fn give_back<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > SMALL && table.len() < table.capacity() / 8 {
        table.shrink_to(2 * table.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_become_small_takes_little_room_and_is_all_there() {
        let mut table: HashMap<usize, usize> = (0..10_000).map(|n| (n, n)).collect();
        let room = table.capacity();
        for n in 10..10_000 {
            table.remove(&n);
            give_back(&mut table);
        }
        assert!(table.capacity() <= SMALL && SMALL < room);
        assert!((0..10).all(|n| table.get(&n) == Some(&n)));
    }
}
