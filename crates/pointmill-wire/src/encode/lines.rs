//! The lines of one entry, kept apart until it is known that all of them fit.

/// Lines of text, one behind the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: Vec<u8>,
    ends: Vec<usize>,
    longest: usize,
}

impl Lines {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.longest = 0;
    }

    /// The buffer to write the present line into.
    pub(crate) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Ends the present line.
    pub(crate) fn end_line(&mut self) {
        self.longest = self.longest.max(self.line_len());
        self.ends.push(self.text.len());
    }

    /// Writes the line that has ended last once more.
    pub(crate) fn repeat_line(&mut self) {
        let Some(&end) = self.ends.last() else { return };
        let start = self.ends.len().checked_sub(2).map_or(0, |i| self.ends[i]);
        self.text.extend_from_within(start..end);
        self.ends.push(self.text.len());
    }

    /// Bytes of the present line so far.
    pub(crate) fn line_len(&self) -> usize {
        self.text.len() - self.ends.last().copied().unwrap_or(0)
    }

    /// Bytes of the longest line that has ended.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.text[start..*end])
    }
}
