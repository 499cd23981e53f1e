//! What a resource names.

use std::fmt;
use std::sync::Arc;

use super::ResourceType;

/// About how many references are in a chunk. With a few thousand there are about as many chunks, so a change
/// copies as little as it can.
const CHUNK: usize = 64;

/// A resource that another one names and Envoy needs first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The type of the resource named.
    pub kind: ResourceType,
    /// Its name.
    pub name: Arc<str>,
}

/// References in order, each once; cheap to share. Nearly all resources have a few. A route configuration
/// may have thousands, and another one that [differs in a few](Self::with) shares the rest.
#[derive(Clone)]
pub struct References(Chunks);

#[derive(Clone)]
enum Chunks {
    One(Arc<[Reference]>),
    Many(Arc<Many>),
}

/// None of the chunks is empty.
struct Many {
    chunks: Vec<Arc<[Reference]>>,
    /// Of all together.
    len: usize,
}

impl References {
    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Chunks::One(chunk) => chunk.len(),
            Chunks::Many(many) => many.len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Reference> {
        self.chunks().iter().flat_map(|chunk| &**chunk)
    }

    /// The names of those of a type, in order.
    pub fn of(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<str>> {
        let ours = self.iter().filter(move |r| r.kind == kind);
        ours.map(|reference| &reference.name)
    }

    /// Whether the resource of a type and name is among them.
    pub fn contains(&self, kind: ResourceType, name: &str) -> bool {
        let order = |r: &Reference| (r.kind, &*r.name).cmp(&(kind, name));
        let chunks = self.chunks();
        let at = chunks.partition_point(|chunk| chunk.last().is_some_and(|r| order(r).is_lt()));
        let chunk = chunks.get(at);
        chunk.is_some_and(|chunk| chunk.binary_search_by(order).is_ok())
    }

    /// These without some and with others.
    #[must_use]
    pub fn with(&self, gone: &[Reference], come: &[Reference]) -> Self {
        let mut chunks = self.chunks().to_vec();
        for reference in gone {
            edit(&mut chunks, reference, |chunk, found| {
                found.ok().map(|at| chunk.remove(at)).is_some()
            });
        }
        for reference in come {
            edit(&mut chunks, reference, |chunk, found| {
                let place = found.err();
                place
                    .map(|at| chunk.insert(at, reference.clone()))
                    .is_some()
            });
        }
        Self::of_chunks(chunks)
    }

    fn chunks(&self) -> &[Arc<[Reference]>] {
        match &self.0 {
            Chunks::One(chunk) => std::slice::from_ref(chunk),
            Chunks::Many(many) => &many.chunks,
        }
    }

    fn of_chunks(mut chunks: Vec<Arc<[Reference]>>) -> Self {
        Self(match chunks.len() {
            0 | 1 => Chunks::One(chunks.pop().unwrap_or_default()),
            _ => {
                let len = chunks.iter().map(|chunk| chunk.len()).sum();
                Chunks::Many(Arc::new(Many { chunks, len }))
            }
        })
    }
}

/// Puts another chunk in place of the one that a reference belongs to, if `change` says that it changed it;
/// it is told where the reference is, or would be.
fn edit(
    chunks: &mut Vec<Arc<[Reference]>>,
    reference: &Reference,
    change: impl FnOnce(&mut Vec<Reference>, Result<usize, usize>) -> bool,
) {
    let after = chunks.partition_point(|chunk| chunk.last().is_some_and(|r| r < reference));
    let at = after.min(chunks.len().saturating_sub(1));
    let old = chunks.get(at).cloned().unwrap_or_default();
    let mut chunk = Vec::with_capacity(old.len() + 1);
    chunk.extend_from_slice(&old);
    if change(&mut chunk, old.binary_search(reference)) {
        let there = at..chunks.len().min(at + 1);
        chunks.splice(there, pieces(&chunk));
    }
}

/// References in chunks, none for none.
fn pieces(references: &[Reference]) -> impl Iterator<Item = Arc<[Reference]>> {
    let size = match references.len() {
        len if len < 2 * CHUNK => len.max(1),
        _ => CHUNK,
    };
    references.chunks(size).map(Into::into)
}

impl Default for References {
    fn default() -> Self {
        Self(Chunks::One(Arc::default()))
    }
}

impl From<Vec<Reference>> for References {
    fn from(mut references: Vec<Reference>) -> Self {
        references.sort();
        references.dedup();
        match references.len() {
            len if len < 2 * CHUNK => Self(Chunks::One(references.into())),
            _ => Self::of_chunks(pieces(&references).collect()),
        }
    }
}

impl PartialEq for References {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn reference(number: usize) -> Reference {
        let kind = match number % 3 {
            0 => ResourceType::Routes,
            _ => ResourceType::Cluster,
        };
        let name = format!("c{number}").into();
        Reference { kind, name }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However many there are, and whatever comes and goes: they are a set in order.
        #[test]
        fn references_are_a_set_in_order(
            first in vec(0..700usize, 0..600),
            steps in vec((vec(0..700usize, 0..40), vec(0..700usize, 0..40)), 0..20),
        ) {
            let of = |numbers: &[usize]| numbers.iter().map(|n| reference(*n)).collect::<Vec<_>>();
            let mut expected: BTreeSet<Reference> = of(&first).into_iter().collect();
            let mut references = References::from(of(&first));
            for (gone, come) in steps.iter().chain([&(Vec::new(), Vec::new())]) {
                let (gone, come) = (of(gone), of(come));
                let before = references.clone();
                references = before.with(&gone, &come);
                prop_assert!(before.iter().eq(&expected), "what is shared is not changed");
                expected.retain(|reference| !gone.contains(reference));
                expected.extend(come);
                prop_assert!(references.iter().eq(&expected));
                prop_assert_eq!(references.len(), expected.len());
                prop_assert_eq!(&references, &References::from(Vec::from_iter(expected.clone())));
                for number in 0..700 {
                    let Reference { kind, name } = reference(number);
                    let there = expected.contains(&reference(number));
                    prop_assert_eq!(references.contains(kind, &name), there);
                }
                let largest = references.chunks().iter().map(|chunk| chunk.len()).max();
                prop_assert!(largest.is_some_and(|largest| largest < 2 * CHUNK));
                let is_one = references.chunks().len() == 1;
                prop_assert!(is_one || references.chunks().iter().all(|chunk| !chunk.is_empty()));
            }
        }
    }

    #[test]
    fn most_are_shared_with_those_that_differ_in_one() {
        let many = References::from((0..5000).map(reference).collect::<Vec<_>>());
        let other = many.with(&[reference(7)], &[reference(9000)]);
        let there: Vec<_> = many.chunks().iter().map(|chunk| chunk.as_ptr()).collect();
        let chunks = other.chunks().iter();
        let new = chunks.filter(|chunk| !there.contains(&chunk.as_ptr()));
        assert_eq!(new.count(), 2);
    }
}
