//! What is gathered one by one and looked at as a whole, in order and each once.

/// Values that are put in order when they are looked at.
///
/// The first state brings tens of thousands, most of them in order already: to look for the place of each
/// as it comes takes longer than all that is done for it.
#[derive(Debug)]
pub(super) struct Gathered<T>(Vec<T>);

impl<T: Ord> Gathered<T> {
    /// Adds a value, which may be there.
    pub(super) fn insert(&mut self, value: T) {
        if self.0.last() != Some(&value) {
            self.0.push(value);
        }
    }

    /// Takes out the values, in order and each once.
    pub(super) fn take(&mut self) -> Vec<T> {
        let mut values = std::mem::take(&mut self.0);
        values.sort();
        values.dedup();
        values
    }
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Extend<T> for Gathered<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.insert(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_is_there_once_and_in_order() {
        let mut gathered = Gathered::default();
        gathered.extend([3, 3, 1, 2]);
        gathered.insert(3);
        assert_eq!(gathered.take(), [1, 2, 3]);
        assert!(gathered.take().is_empty());
    }
}
