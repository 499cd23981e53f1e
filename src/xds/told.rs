//! Which refusals were told already, so that each is told once until it is mended.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::observer::Refusal;
use crate::envoy::ResourceType;

/// How many refusals, and how many suspects in them, are remembered. Where there are more, all is forgotten,
/// and what goes on is told again.
const REMEMBERED: usize = 1 << 16;

/// What was told, by hashes: of a node's resource, and of what that node said of it. It outlives a client's
/// stream, as one that comes back refuses the same.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// How many suspects each refusal still has.
    refusals: HashMap<u64, usize>,
    /// The suspects, each with a refusal of it.
    suspects: BTreeSet<(u64, u64)>,
}

impl Told {
    /// Whether a refusal was not told before, as it is from now on. The search for what it is about is told
    /// once.
    pub(super) fn is_new(&mut self, node: &str, refusal: &Refusal) -> bool {
        if self.refusals.len().max(self.suspects.len()) >= REMEMBERED {
            *self = Self::default();
        }
        let kind = refusal.kind;
        let content = refusal.certain.then_some(refusal.content);
        let said = hash((node, kind, content, &refusal.text));
        let is_new = !self.refusals.contains_key(&said);
        let left = self.refusals.entry(said).or_default();
        let room = REMEMBERED - self.suspects.len();
        for name in refusal.suspects.iter().take(room) {
            *left += usize::from(self.suspects.insert((hash((node, kind, &**name)), said)));
        }
        is_new
    }

    /// A node does not refuse a resource any more. A refusal of which that was the last suspect is news where
    /// it comes again.
    pub(super) fn cleared(&mut self, node: &str, kind: ResourceType, name: &str) {
        let suspect = hash((node, kind, name));
        let of_it = self.suspects.range((suspect, 0)..=(suspect, u64::MAX));
        for pair in of_it.copied().collect::<Vec<_>>() {
            self.suspects.remove(&pair);
            if let Some(left) = self.refusals.get_mut(&pair.1) {
                *left -= 1;
                if *left == 0 {
                    self.refusals.remove(&pair.1);
                }
            }
        }
    }
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::Version;

    const KIND: ResourceType = ResourceType::Listener;

    fn refusal(content: u64, text: &str) -> Refusal {
        Refusal {
            kind: KIND,
            version: Version::from_number(7),
            nonce: "1.1".to_owned(),
            text: text.to_owned(),
            names: vec!["l".into()],
            suspects: vec!["l".into()],
            certain: true,
            content: Version::from_number(content),
        }
    }

    #[test]
    fn a_refusal_is_new_once_per_envoy_type_content_and_text() {
        let mut told = Told::default();
        assert!(told.is_new("one", &refusal(1, "no")));
        assert!(!told.is_new("one", &refusal(1, "no")), "tried again");
        assert!(told.is_new("two", &refusal(1, "no")), "another Envoy");
        assert!(told.is_new("one", &refusal(2, "no")));
        assert!(told.is_new("one", &refusal(1, "never")));
    }

    #[test]
    fn what_was_mended_is_new_when_it_comes_again() {
        let mut told = Told::default();
        told.is_new("one", &refusal(1, "no"));
        told.is_new("two", &refusal(1, "no"));
        told.cleared("one", ResourceType::Cluster, "l");
        assert!(!told.is_new("one", &refusal(1, "no")), "of another type");
        told.cleared("one", KIND, "l");
        assert!(told.is_new("one", &refusal(1, "no")));
        assert!(!told.is_new("two", &refusal(1, "no")), "not mended there");
    }

    #[test]
    fn a_search_is_told_once_while_its_suspects_grow_fewer() {
        let mut told = Told::default();
        let mut search = refusal(1, "no");
        search.certain = false;
        search.suspects = ["a", "b", "c"].map(Into::into).to_vec();
        assert!(told.is_new("one", &search));
        told.cleared("one", KIND, "c");
        search.suspects.truncate(2);
        search.content = Version::from_number(2);
        assert!(!told.is_new("one", &search));
        told.cleared("one", KIND, "a");
        told.cleared("one", KIND, "b");
        assert!(told.is_new("one", &search), "all were accepted since");
    }

    #[test]
    fn endless_refusals_take_bounded_memory() {
        let mut told = Told::default();
        let mut vast = refusal(1, "no");
        vast.suspects = (0..2 * REMEMBERED).map(|n| n.to_string().into()).collect();
        vast.suspects.sort();
        for round in 0..3 {
            vast.content = Version::from_number(round);
            assert!(told.is_new("one", &vast));
            assert!(told.suspects.len() <= REMEMBERED);
        }
        for number in 0..=REMEMBERED {
            told.is_new("one", &refusal(1, &number.to_string()));
            assert!(told.refusals.len() <= REMEMBERED);
        }
    }
}
