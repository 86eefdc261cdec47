//! How much a node of a quicklist takes.

/// How much a node takes: the directive `list-max-listpack-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    bytes: usize,
    elements: usize,
}

impl Fill {
    /// The bytes of a node that is limited by its elements (Redis's SIZE_SAFETY_LIMIT).
    const SAFETY: usize = 8192;

    /// By the directive's value: elements if positive, 4 to 64 KiB for -1 to -5.
    pub fn new(directive: i64) -> Fill {
        match directive {
            0.. => Fill {
                bytes: Fill::SAFETY,
                elements: usize::try_from(directive.max(1)).unwrap_or(usize::MAX),
            },
            _ => Fill { bytes: 2048 << directive.max(-5).unsigned_abs(), elements: usize::MAX },
        }
    }

    /// Whether a node may have so many bytes and elements.
    pub fn admits(self, bytes: usize, elements: usize) -> bool {
        bytes <= self.bytes && elements <= self.elements
    }

    /// Whether an element has a node of its own.
    pub fn is_large(self, element: &[u8]) -> bool {
        element.len() > self.bytes
    }

    /// Half of it.
    pub fn half(self) -> Fill {
        Fill {
            bytes: self.bytes / 2,
            elements: if self.elements == usize::MAX { usize::MAX } else { self.elements / 2 },
        }
    }
}
