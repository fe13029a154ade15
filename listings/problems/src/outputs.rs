//! All that a program may print.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something that goes from state to state, and prints a line at some of its steps.
pub trait System {
    /// Where it is.
    type State: Clone + Ord;

    /// Where it begins.
    fn start(&self) -> Self::State;

    /// What can come next: the line that is printed at that step, if any, and the state after it.
    fn next(&self, state: &Self::State) -> Vec<(Option<String>, Self::State)>;

    /// Whether it has ended there.
    fn has_ended(&self, state: &Self::State) -> bool;
}

/// The outputs that are possible, as a graph: each way from the first node to the end is one,
/// and no two ways are the same.
pub struct Outputs {
    /// In an order in which each line leads forward.
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    next: BTreeMap<String, usize>,
    ends: bool,
}

impl Outputs {
    /// Those of a system. None where it can get stuck, or has more than `most` states: such a
    /// problem is no good.
    pub fn of<S: System>(system: &S, most: usize) -> Option<Self> {
        let mut states = 0;
        // After the lines so far, the system may be in any state of a set.
        let first = settled(system, [system.start()], &mut states, most)?;
        let mut numbers = BTreeMap::from([(first.clone(), 0)]);
        let mut nodes = vec![Node::default()];
        let mut open = VecDeque::from([(0, first)]);
        while let Some((number, set)) = open.pop_front() {
            let mut after: BTreeMap<String, Vec<S::State>> = BTreeMap::new();
            for state in &set {
                let next = system.next(state);
                if next.is_empty() {
                    if !system.has_ended(state) {
                        return None;
                    }
                    nodes[number].ends = true;
                }
                for (line, state) in next {
                    if let Some(line) = line {
                        after.entry(line).or_default().push(state);
                    }
                }
            }
            for (line, states_after) in after {
                let set = settled(system, states_after, &mut states, most)?;
                let known = numbers.len();
                let to = *numbers.entry(set.clone()).or_insert(known);
                if to == known {
                    nodes.push(Node::default());
                    open.push_back((to, set));
                }
                nodes[number].next.insert(line, to);
            }
        }
        Some(Self { nodes })
    }

    /// How many there are.
    pub fn count(&self) -> u128 {
        let mut counts = vec![0; self.nodes.len()];
        for (number, node) in self.nodes.iter().enumerate().rev() {
            let ways: u128 = node.next.values().map(|to| counts[*to]).sum();
            counts[number] = ways + u128::from(node.ends);
        }
        counts[0]
    }

    /// All of them, each as its lines.
    pub fn all(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        let mut open = vec![(0, Vec::new())];
        while let Some((number, lines)) = open.pop() {
            let node = &self.nodes[number];
            for (line, to) in node.next.iter().rev() {
                let mut lines = lines.clone();
                lines.push(line.clone());
                open.push((*to, lines));
            }
            if node.ends {
                all.push(lines);
            }
        }
        all
    }

    /// One of them: its lines.
    pub fn one(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut node = &self.nodes[0];
        while let Some((line, to)) = node.next.first_key_value() {
            lines.push(line.clone());
            node = &self.nodes[*to];
        }
        lines
    }

    /// Whether the program may print these lines.
    ///
    /// # Errors
    ///
    /// The first line that cannot come where it does, and what can.
    pub fn allow<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
        let mut node = &self.nodes[0];
        let mut number = 0;
        for line in lines {
            number += 1;
            let Some(to) = node.next.get(line) else {
                let expected = expected(node);
                return Err(format!("line {number}: expected {expected}, not `{line}`"));
            };
            node = &self.nodes[*to];
        }
        if node.ends {
            Ok(())
        } else {
            Err(format!(
                "the output ends after line {number}: expected {} next",
                expected(node)
            ))
        }
    }

    /// Of any two lines, whether the first comes before the second in each output that has
    /// both. What follows from two such pairs is left out.
    pub fn orders(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut later = vec![BTreeSet::new(); self.nodes.len()];
        let mut can_follow: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate().rev() {
            for (line, to) in &node.next {
                let after = can_follow.entry(line).or_default();
                after.extend(&later[*to]);
                let mut more = later[*to].clone();
                more.insert(line);
                later[number].extend(more);
            }
        }
        let before =
            |a: &String, b: &String| can_follow[a].contains(b) && !can_follow[b].contains(a);
        let mut orders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for a in can_follow.keys() {
            let after: Vec<_> = can_follow.keys().filter(|b| before(a, b)).collect();
            let direct = after
                .iter()
                .filter(|b| !after.iter().any(|between| before(between, b)));
            let direct: BTreeSet<String> = direct.map(|b| b.to_string()).collect();
            if !direct.is_empty() {
                orders.insert(a.to_string(), direct);
            }
        }
        orders
    }
}

/// What can come at a node, in words.
fn expected(node: &Node) -> String {
    let mut can: Vec<String> = node.next.keys().map(|line| format!("`{line}`")).collect();
    if node.ends {
        can.push("the end".to_owned());
    }
    can.join(" or ")
}

/// The states in which the system can be when it prints next, or ends.
fn settled<S: System>(
    system: &S,
    from: impl IntoIterator<Item = S::State>,
    states: &mut usize,
    most: usize,
) -> Option<BTreeSet<S::State>> {
    let mut seen: BTreeSet<S::State> = from.into_iter().collect();
    let mut open: Vec<S::State> = seen.iter().cloned().collect();
    let mut settled = BTreeSet::new();
    while let Some(state) = open.pop() {
        *states += 1;
        if *states > most {
            return None;
        }
        let next = system.next(&state);
        if next.is_empty() || next.iter().any(|(line, _)| line.is_some()) {
            settled.insert(state);
        }
        for (line, state) in next {
            if line.is_none() && seen.insert(state.clone()) {
                open.push(state);
            }
        }
    }
    Some(settled)
}
