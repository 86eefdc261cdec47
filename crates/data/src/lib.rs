//! The types as values: lists, sets, sorted sets, hashes, streams. No keys, no clock, no replies.
//!
//! Every type is small at first, one allocation that RDB files hold byte for byte (a listpack, an intset), and
//! becomes what serves many elements when it has grown beyond the limits that its methods are given: those of Redis's
//! directives, so OBJECT ENCODING answers what Redis would. A value takes at most 16 bytes beside its heap, which
//! the keyspace keeps in the key's own entry. Strings are kept there too, and so are not here.

mod distinct;
pub mod geo;
pub mod hash;
mod hashing;
pub mod hyperloglog;
mod index;
mod limits;
pub mod list;
pub mod set;
pub mod stream;
pub mod zset;

pub use hash::Hash;
pub use limits::Limits;
pub use list::List;
pub use set::Set;
pub use stream::Stream;
pub use zset::Zset;

/// The type of a value: what TYPE answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    /// Bytes, or an integer.
    String = 0,
    /// A list.
    List = 1,
    /// A set.
    Set = 2,
    /// A sorted set.
    Zset = 3,
    /// A hash.
    Hash = 4,
    /// A stream.
    Stream = 5,
}

impl Type {
    /// All types, in the order of their numbers.
    pub const ALL: [Type; 6] = [Type::String, Type::List, Type::Set, Type::Zset, Type::Hash, Type::Stream];

    /// Whether the elements have an order that means something.
    pub fn is_ordered(self) -> bool {
        matches!(self, Type::List | Type::Stream)
    }

    /// The name that TYPE and SCAN TYPE use.
    pub fn name(self) -> &'static str {
        ["string", "list", "set", "zset", "hash", "stream"][self as usize]
    }
}

/// How far a lookup in a value has come, for prefetching: each step reads what the one before it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The beginning of its heap.
    Start,
    /// An element's slot in an index; the beginning of a stream's last node.
    Slot,
    /// The element; the end of that node.
    Element,
}

/// A value that is not a string: what the keyspace asks of every type.
pub trait Value: Default + Clone + Send + 'static {
    /// Its type.
    const TYPE: Type;

    /// Whether its key goes: a collection without elements. Never so for a stream.
    fn is_empty(&self) -> bool;

    /// What OBJECT ENCODING answers.
    fn encoding(&self) -> &'static str;

    /// Bytes of memory on the heap, estimated from some elements where there are many.
    fn footprint(&self) -> usize;

    /// The address that a lookup of an element reads at this step; for prefetching.
    fn ahead(&self, step: Step, element: &[u8]) -> Option<usize>;

    /// Whether a lookup goes on behind [`Step::Start`].
    fn is_deep(&self) -> bool;

    /// How many allocations freeing it gives back, roughly: from 64 on that is done off the path.
    fn effort(&self) -> usize;

    /// Visits the elements, each in its parts as text: a member; a member and its score; a field, its value and, if
    /// it expires, when. For digests and for comparing values however they are encoded.
    fn each(&self, visit: &mut dyn FnMut(&[&[u8]]));

    /// The value, typed by the enum.
    fn into_object(self) -> Object;
}

/// Defines the enums of all types, and the [`Value`] of each from the methods of the same names.
macro_rules! objects {
    ($($Type:ident),*) => {
        /// A value of any type but string.
        #[derive(Clone, Debug)]
        #[allow(missing_docs)]
        pub enum Object { $($Type($Type)),* }

        /// A borrowed value of any type but string.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        pub enum ObjectRef<'a> { $($Type(&'a $Type)),* }

        impl Object {
            /// To look at.
            pub fn borrow(&self) -> ObjectRef<'_> {
                match self { $(Object::$Type(value) => ObjectRef::$Type(value)),* }
            }

            /// Its type.
            pub fn value_type(&self) -> Type {
                match self { $(Object::$Type(_) => Type::$Type),* }
            }
        }

        impl ObjectRef<'_> {
            /// A copy.
            pub fn to_object(self) -> Object {
                match self { $(ObjectRef::$Type(value) => Object::$Type(value.clone())),* }
            }

            /// Its type.
            pub fn value_type(self) -> Type {
                match self { $(ObjectRef::$Type(_) => Type::$Type),* }
            }

            /// See [`Value::each`].
            pub fn each(self, visit: &mut dyn FnMut(&[&[u8]])) {
                match self { $(ObjectRef::$Type(value) => value.each(visit)),* }
            }

            /// See [`Value::encoding`].
            pub fn encoding(self) -> &'static str {
                match self { $(ObjectRef::$Type(value) => value.encoding()),* }
            }

            /// See [`Value::footprint`].
            pub fn footprint(self) -> usize {
                match self { $(ObjectRef::$Type(value) => value.footprint()),* }
            }

            /// See [`Value::ahead`].
            #[inline]
            pub fn ahead(self, step: Step, element: &[u8]) -> Option<usize> {
                match self { $(ObjectRef::$Type(value) => value.ahead(step, element)),* }
            }

            /// See [`Value::is_deep`].
            #[inline]
            pub fn is_deep(self) -> bool {
                match self { $(ObjectRef::$Type(value) => value.is_deep()),* }
            }

            /// See [`Value::effort`].
            pub fn effort(self) -> usize {
                match self { $(ObjectRef::$Type(value) => value.effort()),* }
            }
        }

        $(
            const _: () = assert!(size_of::<$Type>() <= 16 && align_of::<$Type>() <= 8);

            impl Value for $Type {
                const TYPE: Type = Type::$Type;

                fn is_empty(&self) -> bool {
                    $Type::is_empty(self)
                }

                fn encoding(&self) -> &'static str {
                    $Type::encoding(self)
                }

                fn footprint(&self) -> usize {
                    $Type::footprint(self)
                }

                fn ahead(&self, step: Step, element: &[u8]) -> Option<usize> {
                    $Type::ahead(self, step, element)
                }

                fn is_deep(&self) -> bool {
                    $Type::is_deep(self)
                }

                fn effort(&self) -> usize {
                    $Type::effort(self)
                }

                fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
                    $Type::each(self, visit)
                }

                fn into_object(self) -> Object {
                    Object::$Type(self)
                }
            }
        )*
    };
}

objects!(List, Set, Zset, Hash, Stream);
