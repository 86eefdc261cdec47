//! A B+tree with ranks: the members of a large sorted set in their order, by score and then by bytes.
//!
//! A leaf holds up to `LEAF` elements, their scores side by side so that a search reads two or three cache lines and
//! looks at a member only where scores are equal. An inner node knows of each child the first element and how many
//! there are below, so a rank is found, or the element of a rank, on one way down.
//!
//! Leaves are kept full: before one splits it shares with a neighbour, and one that is filled in ascending order, as
//! when a set is loaded, splits behind its last element. Underfull nodes even out with a neighbour or join it.
//! Textbook: Comer, "The Ubiquitous B-Tree" (1979); the sharing is Knuth's B*-tree.

use std::cmp::Ordering;
use std::ops::Range;

use arrayvec::ArrayVec;

use super::member::Member;

/// Elements of a leaf: 1 KiB.
const LEAF: usize = 63;
/// Children of an inner node: 2 KiB.
const FANOUT: usize = 51;

/// Members in order. It does not own them: see [`Member`].
pub(super) struct Tree<const L: usize = LEAF, const F: usize = FANOUT> {
    root: Node<L, F>,
    len: usize,
    nodes: Nodes,
}

/// How many nodes there are.
#[derive(Clone, Copy, Default)]
struct Nodes {
    leaves: usize,
    inners: usize,
}

enum Node<const L: usize, const F: usize> {
    Leaf(Box<Leaf<L>>),
    Inner(Box<Inner<L, F>>),
}

#[derive(Default)]
struct Leaf<const L: usize> {
    scores: ArrayVec<f64, L>,
    members: ArrayVec<Member, L>,
}

struct Inner<const L: usize, const F: usize> {
    children: ArrayVec<Child<L, F>, F>,
}

struct Child<const L: usize, const F: usize> {
    /// The first element below.
    first: Key,
    /// Elements below.
    count: usize,
    node: Node<L, F>,
}

/// An element as it is ordered: the score here and in the member are the same.
#[derive(Clone, Copy)]
struct Key {
    score: f64,
    member: Member,
}

/// How an element lies to another, given by score and bytes. There are no NaNs, and -0 equals 0.
#[inline]
fn compare(score: f64, member: &Member, to_score: f64, to_bytes: &[u8]) -> Ordering {
    let by_score = score.partial_cmp(&to_score).unwrap_or(Ordering::Equal);
    by_score.then_with(|| member.bytes().cmp(to_bytes))
}

/// Moves elements between neighbours until both have the same number.
fn even<T, const N: usize>(left: &mut ArrayVec<T, N>, right: &mut ArrayVec<T, N>) {
    let half = (left.len() + right.len()) / 2;
    if left.len() < half {
        let more = half - left.len();
        left.extend(right.drain(..more));
    } else {
        let mut moved = split(left, half);
        moved.extend(right.drain(..));
        *right = moved;
    }
}

/// Takes what is from `at` on.
fn split<T, const N: usize>(from: &mut ArrayVec<T, N>, at: usize) -> ArrayVec<T, N> {
    from.drain(at..).collect()
}

impl<const L: usize> Leaf<L> {
    /// The first place whose element is not before what is looked for.
    #[inline]
    fn partition_point(&self, before: impl Fn(f64, &Member) -> bool) -> usize {
        let (mut low, mut high) = (0, self.scores.len());
        while low < high {
            let middle = (low + high) / 2;
            match before(self.scores[middle], &self.members[middle]) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    fn place(&self, key: &Key) -> usize {
        let bytes = key.member.bytes();
        self.partition_point(|score, member| compare(score, member, key.score, bytes).is_lt())
    }

    fn insert_at(&mut self, at: usize, key: Key) {
        self.scores.insert(at, key.score);
        self.members.insert(at, key.member);
    }

    fn split(&mut self, at: usize) -> Leaf<L> {
        Leaf { scores: split(&mut self.scores, at), members: split(&mut self.members, at) }
    }

    /// Inserts; answers the right half if it had to split, which behind the last of all it does there.
    fn insert(&mut self, key: Key, is_last: bool) -> Option<Leaf<L>> {
        let at = self.place(&key);
        if self.scores.len() < L {
            self.insert_at(at, key);
            return None;
        }
        let middle = if is_last && at == L { L } else { L / 2 };
        let mut right = self.split(middle);
        match at.checked_sub(middle) {
            Some(at) => right.insert_at(at, key),
            None => self.insert_at(at, key),
        }
        Some(right)
    }
}

impl<const L: usize, const F: usize> Child<L, F> {
    fn new(node: Node<L, F>) -> Self {
        let (first, count) = (node.first().expect("a node has elements"), node.count());
        Child { first, count, node }
    }

    /// Counts again, and looks again which is the first.
    fn refresh(&mut self) {
        self.count = self.node.count();
        self.first = self.node.first().unwrap_or(self.first);
    }
}

impl<const L: usize, const F: usize> Inner<L, F> {
    /// The child that an element belongs to.
    fn child_of(&self, key: &Key) -> usize {
        let bytes = key.member.bytes();
        let behind = self
            .children
            .partition_point(|c| compare(c.first.score, &c.first.member, key.score, bytes).is_le());
        behind.saturating_sub(1)
    }

    /// The child with the element of this rank, and its rank there.
    fn child_at(&self, mut rank: usize) -> (usize, usize) {
        for (at, child) in self.children.iter().enumerate() {
            if rank < child.count {
                return (at, rank);
            }
            rank -= child.count;
        }
        (self.children.len() - 1, rank)
    }

    fn insert(&mut self, key: Key, is_last: bool, nodes: &mut Nodes) -> Option<Inner<L, F>> {
        let mut at = self.child_of(&key);
        if self.children[at].node.is_full_leaf() && self.share(at) {
            at = self.child_of(&key);
        }
        let is_last = is_last && at + 1 == self.children.len();
        let child = &mut self.children[at];
        let Some(right) = child.node.insert(key, is_last, nodes) else {
            child.count += 1;
            child.first = child.node.first().unwrap_or(child.first);
            return None;
        };
        child.refresh();
        self.insert_child(at + 1, Child::new(right), is_last)
    }

    fn insert_child(&mut self, at: usize, child: Child<L, F>, is_last: bool) -> Option<Inner<L, F>> {
        if self.children.len() < F {
            self.children.insert(at, child);
            return None;
        }
        let middle = if is_last { F } else { F / 2 };
        let mut right = Inner { children: split(&mut self.children, middle) };
        match at.checked_sub(middle) {
            Some(at) => right.children.insert(at, child),
            None => self.children.insert(at, child),
        }
        Some(right)
    }

    /// Evens a full leaf out with a neighbour that has room; answers whether there is one.
    fn share(&mut self, at: usize) -> bool {
        let has_room = |child: &Child<L, F>| child.count + L / 8 < L;
        let left = match at {
            _ if self.children.get(at + 1).is_some_and(has_room) => at,
            1.. if has_room(&self.children[at - 1]) => at - 1,
            _ => return false,
        };
        self.even(left);
        true
    }

    /// Evens the child at `left` out with the next one.
    fn even(&mut self, left: usize) {
        let [a, b] = &mut self.children[left..left + 2] else { return };
        match (&mut a.node, &mut b.node) {
            (Node::Leaf(a), Node::Leaf(b)) => {
                even(&mut a.scores, &mut b.scores);
                even(&mut a.members, &mut b.members);
            }
            (Node::Inner(a), Node::Inner(b)) => even(&mut a.children, &mut b.children),
            _ => unreachable!("children of one node are of one height"),
        }
        a.refresh();
        b.refresh();
    }

    /// After a removal below the child at `at`: what is left there may be too little.
    fn settle(&mut self, at: usize, nodes: &mut Nodes) {
        self.children[at].refresh();
        let (width, capacity) = self.children[at].node.width();
        if self.children.len() == 1 {
            if width == 0 {
                self.children.pop().inspect(|child| child.node.uncount(nodes));
            }
            return;
        }
        if width * 4 >= capacity {
            return;
        }
        let left = at.min(self.children.len() - 2);
        let together = self.children[left].node.width().0 + self.children[left + 1].node.width().0;
        if together * 4 > capacity * 3 {
            return self.even(left);
        }
        let right = self.children.remove(left + 1);
        self.children[left].node.append(right.node, nodes);
        self.children[left].refresh();
    }
}

impl<const L: usize, const F: usize> Node<L, F> {
    fn first(&self) -> Option<Key> {
        match self {
            Node::Leaf(leaf) => Some(Key { score: *leaf.scores.first()?, member: *leaf.members.first()? }),
            Node::Inner(inner) => Some(inner.children.first()?.first),
        }
    }

    /// Elements below.
    fn count(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.scores.len(),
            Node::Inner(inner) => inner.children.iter().map(|child| child.count).sum(),
        }
    }

    /// Elements or children, and how many there may be.
    fn width(&self) -> (usize, usize) {
        match self {
            Node::Leaf(leaf) => (leaf.scores.len(), L),
            Node::Inner(inner) => (inner.children.len(), F),
        }
    }

    fn is_full_leaf(&self) -> bool {
        matches!(self, Node::Leaf(leaf) if leaf.scores.is_full())
    }

    fn insert(&mut self, key: Key, is_last: bool, nodes: &mut Nodes) -> Option<Node<L, F>> {
        match self {
            Node::Leaf(leaf) => {
                let right = leaf.insert(key, is_last)?;
                nodes.leaves += 1;
                Some(Node::Leaf(Box::new(right)))
            }
            Node::Inner(inner) => {
                let right = inner.insert(key, is_last, nodes)?;
                nodes.inners += 1;
                Some(Node::Inner(Box::new(right)))
            }
        }
    }

    /// Takes a node that goes out of the count.
    fn uncount(&self, nodes: &mut Nodes) {
        match self {
            Node::Leaf(_) => nodes.leaves -= 1,
            Node::Inner(_) => nodes.inners -= 1,
        }
    }

    /// Takes over what its right neighbour has.
    fn append(&mut self, right: Node<L, F>, nodes: &mut Nodes) {
        right.uncount(nodes);
        match (self, right) {
            (Node::Leaf(leaf), Node::Leaf(mut right)) => {
                leaf.scores.extend(right.scores.drain(..));
                leaf.members.extend(right.members.drain(..));
            }
            (Node::Inner(inner), Node::Inner(mut right)) => inner.children.extend(right.children.drain(..)),
            _ => unreachable!("neighbours are of one height"),
        }
    }

    fn remove(&mut self, key: &Key, nodes: &mut Nodes) -> bool {
        match self {
            Node::Leaf(leaf) => {
                let at = leaf.place(key);
                let is_there = leaf.members.get(at) == Some(&key.member);
                if is_there {
                    leaf.scores.remove(at);
                    leaf.members.remove(at);
                }
                is_there
            }
            Node::Inner(inner) => {
                let at = inner.child_of(key);
                let is_there = inner.children[at].node.remove(key, nodes);
                inner.settle(at, nodes);
                is_there
            }
        }
    }

    /// Takes out up to `limit` elements of one leaf, from the one of this rank on.
    fn remove_run(&mut self, rank: usize, limit: usize, nodes: &mut Nodes) -> ArrayVec<Member, L> {
        match self {
            Node::Leaf(leaf) => {
                let range = rank..leaf.scores.len().min(rank.saturating_add(limit));
                leaf.scores.drain(range.clone());
                leaf.members.drain(range).collect()
            }
            Node::Inner(inner) => {
                let (at, rank) = inner.child_at(rank);
                let removed = inner.children[at].node.remove_run(rank, limit, nodes);
                inner.settle(at, nodes);
                removed
            }
        }
    }

    /// Changes a score where that moves nothing: the element has neighbours in its leaf, and stays between them.
    fn rescore(&mut self, key: &Key, score: f64) -> bool {
        match self {
            Node::Inner(inner) => {
                let at = inner.child_of(key);
                inner.children[at].node.rescore(key, score)
            }
            Node::Leaf(leaf) => {
                let (at, bytes) = (leaf.place(key), key.member.bytes());
                let stays = |neighbour: usize, side: Ordering| {
                    let Some(member) = leaf.members.get(neighbour) else { return false };
                    compare(leaf.scores[neighbour], member, score, bytes) == side
                };
                let stays = at > 0 && stays(at - 1, Ordering::Less) && stays(at + 1, Ordering::Greater);
                if stays {
                    leaf.scores[at] = score;
                }
                stays
            }
        }
    }
}

impl<const L: usize, const F: usize> Tree<L, F> {
    /// An empty tree.
    pub(super) fn new() -> Self {
        let root = Node::Leaf(Box::default());
        Tree { root, len: 0, nodes: Nodes { leaves: 1, inners: 0 } }
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory, without the members.
    pub(super) fn footprint(&self) -> usize {
        self.nodes.leaves * size_of::<Leaf<L>>() + self.nodes.inners * size_of::<Inner<L, F>>()
    }

    /// Adds a member that is not there yet.
    pub(super) fn insert(&mut self, member: Member) {
        let key = Key { score: member.score(), member };
        self.len += 1;
        let Some(right) = self.root.insert(key, true, &mut self.nodes) else { return };
        let empty = Node::Leaf(Box::default());
        let left = std::mem::replace(&mut self.root, empty);
        let children = [left, right].map(Child::new).into_iter().collect();
        self.root = Node::Inner(Box::new(Inner { children }));
        self.nodes.inners += 1;
    }

    /// Takes a member out; answers whether it was there.
    pub(super) fn remove(&mut self, member: Member) -> bool {
        let is_there = self.root.remove(&Key { score: member.score(), member }, &mut self.nodes);
        self.len -= usize::from(is_there);
        self.lower();
        is_there
    }

    /// Takes out at least one and up to `limit` members from a rank on, which must be below the length.
    pub(super) fn remove_run(&mut self, rank: usize, limit: usize) -> ArrayVec<Member, L> {
        let removed = self.root.remove_run(rank, limit, &mut self.nodes);
        self.len -= removed.len();
        self.lower();
        removed
    }

    /// Gives up a root that has one child.
    fn lower(&mut self) {
        while let Node::Inner(inner) = &mut self.root
            && inner.children.len() == 1
            && let Some(child) = inner.children.pop()
        {
            self.root = child.node;
            self.nodes.inners -= 1;
        }
    }

    /// Gives a member another score and the place that goes with it.
    pub(super) fn rescore(&mut self, member: Member, score: f64) {
        let key = Key { score: member.score(), member };
        if self.root.rescore(&key, score) {
            return member.set_score(score);
        }
        self.remove(member);
        member.set_score(score);
        self.insert(member);
    }

    /// How many elements come before what is looked for; `before` tells it of each, and must be monotone.
    pub(super) fn rank_where(&self, before: impl Fn(f64, &Member) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.partition_point(before),
                Node::Inner(inner) => {
                    let behind = inner.children.partition_point(|c| before(c.first.score, &c.first.member));
                    let (left, right) = inner.children.split_at(behind.saturating_sub(1));
                    rank += left.iter().map(|child| child.count).sum::<usize>();
                    node = &right[0].node;
                }
            }
        }
    }

    /// How many elements come before this one.
    pub(super) fn rank_of(&self, score: f64, bytes: &[u8]) -> usize {
        self.rank_where(|its_score, member| compare(its_score, member, score, bytes).is_lt())
    }

    /// The members of one leaf, and which of them has this rank.
    fn leaf_at(&self, mut rank: usize) -> (&[Member], usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (&leaf.members, rank),
                Node::Inner(inner) => {
                    let (at, below) = inner.child_at(rank);
                    (node, rank) = (&inner.children[at].node, below);
                }
            }
        }
    }

    /// The members whose ranks are in the range, which is cut to what is there.
    pub(super) fn range(&self, ranks: Range<usize>) -> Members<'_, L, F> {
        let end = ranks.end.min(self.len);
        Members { tree: self, ranks: ranks.start.min(end)..end, front: [].iter(), back: [].iter() }
    }
}

/// Members in order, from either end: a way down for each leaf.
pub(super) struct Members<'a, const L: usize = LEAF, const F: usize = FANOUT> {
    tree: &'a Tree<L, F>,
    /// What was not given yet.
    ranks: Range<usize>,
    /// The rest of the leaf that is under way at either end; one of them may reach beyond `ranks`.
    front: std::slice::Iter<'a, Member>,
    back: std::slice::Iter<'a, Member>,
}

impl<'a, const L: usize, const F: usize> Iterator for Members<'a, L, F> {
    type Item = &'a Member;

    fn next(&mut self) -> Option<&'a Member> {
        let rank = self.ranks.next()?;
        if self.front.as_slice().is_empty() {
            let (leaf, at) = self.tree.leaf_at(rank);
            self.front = leaf[at..].iter();
        }
        self.front.next()
    }
}

impl<const L: usize, const F: usize> DoubleEndedIterator for Members<'_, L, F> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        if self.back.as_slice().is_empty() {
            let (leaf, at) = self.tree.leaf_at(rank);
            self.back = leaf[..=at].iter();
        }
        self.back.next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::super::member::Owned;
    use super::*;
    use proptest::prelude::*;

    type Small = Tree<5, 4>;

    /// Every rule of the structure, and the elements it holds.
    fn check(tree: &Small) -> Vec<(f64, Vec<u8>)> {
        let mut nodes = Nodes::default();
        walk(&tree.root, true, &mut nodes);
        assert_eq!((nodes.leaves, nodes.inners), (tree.nodes.leaves, tree.nodes.inners));
        let elements: Vec<_> = tree.range(0..usize::MAX).map(|m| (m.score(), m.bytes().to_vec())).collect();
        assert_eq!(elements.len(), tree.len());
        let backward: Vec<_> =
            tree.range(0..usize::MAX).rev().map(|m| (m.score(), m.bytes().to_vec())).collect();
        assert!(elements.iter().eq(backward.iter().rev()));
        elements
    }

    /// The height.
    fn walk(node: &Node<5, 4>, is_root: bool, nodes: &mut Nodes) -> usize {
        assert!(is_root || node.width().0 > 0);
        match node {
            Node::Leaf(leaf) => {
                nodes.leaves += 1;
                assert!(
                    leaf.scores.iter().zip(&leaf.members).all(|(score, member)| *score == member.score())
                );
                0
            }
            Node::Inner(inner) => {
                nodes.inners += 1;
                assert!(!is_root || inner.children.len() > 1);
                let heights = inner.children.iter().map(|child| {
                    assert_eq!(child.count, child.node.count());
                    assert!(child.node.first().is_some_and(|first| first.member == child.first.member));
                    walk(&child.node, false, nodes)
                });
                let heights: Vec<usize> = heights.collect();
                assert!(heights.iter().all(|height| *height == heights[0]));
                heights[0] + 1
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(i8),
        Remove(prop::sample::Index),
        Rescore(prop::sample::Index, i8),
        Run(prop::sample::Index, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => any::<i8>().prop_map(Step::Insert),
            3 => any::<prop::sample::Index>().prop_map(Step::Remove),
            3 => (any::<prop::sample::Index>(), any::<i8>()).prop_map(|(at, score)| Step::Rescore(at, score)),
            1 => (any::<prop::sample::Index>(), 1..9usize).prop_map(|(at, limit)| Step::Run(at, limit)),
        ]
    }

    fn run(steps: Vec<Step>) {
        let (mut tree, mut model) = (Small::new(), Vec::<Owned>::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(score) => {
                    let member = Owned::new(format!("{number}").as_bytes(), f64::from(score / 8));
                    tree.insert(*member);
                    model.push(member);
                }
                Step::Remove(at) if !model.is_empty() => {
                    let member = model.swap_remove(at.index(model.len()));
                    assert!(tree.remove(*member) && !tree.remove(*member));
                }
                Step::Rescore(at, score) if !model.is_empty() => {
                    tree.rescore(*model[at.index(model.len())], f64::from(score / 8));
                }
                Step::Run(at, limit) if !model.is_empty() => {
                    let rank = at.index(model.len());
                    let removed = tree.remove_run(rank, limit);
                    assert!((1..=limit).contains(&removed.len()));
                    assert!(
                        removed.iter().eq(model[rank..].iter().map(|m| &**m).take(removed.len())),
                        "in order"
                    );
                    model.drain(rank..rank + removed.len());
                }
                _ => {}
            }
            model.sort_by(|a, b| compare(a.score(), a, b.score(), b.bytes()));
            assert_eq!(
                check(&tree),
                model.iter().map(|m| (m.score(), m.bytes().to_vec())).collect::<Vec<_>>()
            );
            for (rank, member) in model.iter().enumerate() {
                assert_eq!(tree.rank_of(member.score(), member.bytes()), rank);
                assert!(tree.range(rank..rank + 1).eq([&**member]));
            }
        }
    }

    proptest! {
        #[test]
        fn stays_in_order_and_balanced(steps in prop::collection::vec(step(), 0..200)) {
            run(steps);
        }
    }

    #[test]
    fn ascending_elements_fill_their_leaves() {
        let mut tree = Small::new();
        let members: Vec<Owned> = (0..1000).map(|number| Owned::new(b"", f64::from(number))).collect();
        members.iter().for_each(|member| tree.insert(**member));
        check(&tree);
        assert!(tree.nodes.leaves <= 1000 / 5 + 1, "{} leaves", tree.nodes.leaves);
    }
}
