//! Elements in another place (eq. 21), of maps or of vectors of reals.

use super::{Input, Layer, Output, Plain, Text, codes_of, ints_text, shape_text};
use crate::ops::Moves;
use crate::plan::constants::Constants;
use crate::qgraph::{QTensor, Shape};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{kernel, reference};

/// Where every element comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Rearrange {
    output: Shape,
    parts: Vec<Part>,
}

/// What one input gives.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    rows: Vec<i32>,
    columns: Vec<i32>,
    runs: Vec<[i32; 3]>,
}

fn index(value: usize) -> Plain<i32> {
    i32::try_from(value).map_err(|_| "a map of more than 2^31 elements".into())
}

impl Rearrange {
    /// The same moves of codes or reals.
    pub fn new(moves: &Moves) -> Plain<Self> {
        let indices = |values: &[usize]| values.iter().map(|&v| index(v)).collect::<Plain<Vec<i32>>>();
        let run = |run: &[usize; 3]| Ok([index(run[0])?, index(run[1])?, index(run[2])?]);
        let part = |part: &crate::ops::MovePart| {
            Ok(Part {
                rows: indices(&part.rows)?,
                columns: indices(&part.columns)?,
                runs: part.runs.iter().map(run).collect::<Plain<_>>()?,
            })
        };
        Ok(Self { output: moves.output, parts: moves.parts.iter().map(part).collect::<Plain<_>>()? })
    }

    /// The same moves of codes: every channel's scale and zero point must be those that its elements have where they come from.
    pub fn of_codes(moves: &Moves, inputs: &[&QTensor], y: &QTensor) -> Plain<Self> {
        let channels: Vec<usize> = inputs.iter().map(|x| x.shape.channels).collect();
        let to = codes_of(y)?;
        for (c, (input, channel)) in moves.sources(&channels).into_iter().enumerate() {
            let from = codes_of(inputs.get(input).ok_or("an input is missing")?)?;
            let other = |at: usize| (from.scale.get(at), from.zero.get(at)) != (to.scale.get(c), to.zero.get(c));
            if other(channel) || (moves.mixes_channels(&channels) && (0..from.scale.len()).any(other)) {
                return Err("elements of one channel come from channels with different scales".into());
            }
        }
        Self::new(moves)
    }

    /// The layer as the runtime takes it, shown to `run`.
    fn each<T>(&self, inputs: &[&[T]], output: &mut [T], run: fn(&kernel::Rearrange<'_>, &[&[T]], &mut [T])) {
        let parts: Vec<kernel::Part<'_>> = self
            .parts
            .iter()
            .map(|part| kernel::Part { rows: &part.rows, columns: &part.columns, runs: &part.runs })
            .collect();
        run(&kernel::Rearrange { output: self.output, parts: &parts }, inputs, output);
    }

    fn with(
        &self,
        inputs: &[Input<'_>],
        output: Output<'_>,
        maps: fn(&kernel::Rearrange<'_>, &[&[u8]], &mut [u8]),
        reals: fn(&kernel::Rearrange<'_>, &[&[f32]], &mut [f32]),
    ) -> Option<()> {
        match output {
            Output::Map(y) => self.each(&inputs.iter().map(Input::map).collect::<Option<Vec<_>>>()?, y, maps),
            Output::Real(y) => self.each(&inputs.iter().map(Input::real).collect::<Option<Vec<_>>>()?, y, reals),
            Output::Wide(_) => return None,
        }
        Some(())
    }
}

impl Layer for Rearrange {
    fn name(&self) -> &'static str {
        "rearrange"
    }

    fn describe(&self) -> String {
        match self.parts.len() {
            1 => "elements moved".into(),
            n => format!("channels of {n} tensors side by side"),
        }
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        self.with(inputs, output, reference::rearrange, reference::rearrange)
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        self.with(inputs, output, kernel::rearrange, kernel::rearrange).map(|()| true)
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let part = |part: &Part| {
            let (rows, columns) = (ints_text(pool, &part.rows), ints_text(pool, &part.columns));
            format!("Part {{ rows: {rows}, columns: {columns}, runs: &{:?} }}", part.runs)
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        let fields = vec![("output", shape_text(self.output)), ("parts", format!("&[{}]", parts.join(", ")))];
        Some(Text { kind: "Rearrange<'static>", fields })
    }

    fn arguments(&self, _: &str, layer: &str) -> String {
        format!("&{layer}, ")
    }

    fn takes_a_list(&self) -> bool {
        true
    }
}
