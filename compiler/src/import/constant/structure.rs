//! Constants rearranged. All of them are `y[i] = x[source(i)]`.

use super::{Inputs, checked_count};
use crate::import::dims::{self, Plain};
use crate::onnx::{Attribute, Data, Tensor};

/// `y[i] = x[source[i]]`; the sources are within the tensor by construction.
fn pick(x: &Tensor, dims: Vec<usize>, source: &[usize]) -> Tensor {
    fn copy<T: Copy>(values: &[T], source: &[usize]) -> Vec<T> {
        source.iter().filter_map(|&i| values.get(i).copied()).collect()
    }
    let data = match &x.data {
        Data::Floats(v) => Data::Floats(copy(v, source)),
        Data::Ints(v) => Data::Ints(copy(v, source)),
        Data::Bools(v) => Data::Bools(copy(v, source)),
    };
    Tensor { dims, element: x.element, data }
}

/// Row-major distance between neighbours along each axis.
fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// For a result of `dims`, whose axis `a` moves by `steps[a]` elements of the source: the source of each element.
fn walk(dims: &[usize], steps: &[usize]) -> Plain<Vec<usize>> {
    let mut source = vec![0usize];
    checked_count(dims)?;
    for (&size, &step) in dims.iter().zip(steps) {
        source = source.iter().flat_map(|&base| (0..size).map(move |i| base + i * step)).collect();
    }
    Ok(source)
}

/// The source of each element of `x` broadcast to `dims`.
pub(super) fn broadcast_source(x: &[usize], dims: &[usize]) -> Plain<Vec<usize>> {
    let own = strides(x);
    let lead = dims.len().checked_sub(x.len()).ok_or("broadcast to a lower rank")?;
    let steps: Vec<usize> =
        (0..dims.len()).map(|a| if a < lead || x[a - lead] == 1 { 0 } else { own[a - lead] }).collect();
    walk(dims, &steps)
}

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`: the same values under other dimensions.
pub(super) fn regroup(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let (x, node) = (inputs.get(0)?, inputs.node);
    let dims = match node.op.as_str() {
        "Flatten" => dims::flatten(&x.dims, node.int("axis").unwrap_or(1))?,
        "Squeeze" => dims::squeeze(&x.dims, inputs.ints(1, "axes")?.as_deref())?,
        "Unsqueeze" => dims::unsqueeze(&x.dims, &inputs.ints(1, "axes")?.ok_or("Unsqueeze without axes")?)?,
        _ => {
            let target = inputs.ints(1, "shape")?.ok_or("Reshape without a shape")?;
            dims::reshape(&x.dims, &target, node.int("allowzero") == Some(1))?
        }
    };
    Ok(Tensor { dims, element: x.element, data: x.data.clone() })
}

pub(super) fn transpose(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let x = inputs.get(0)?;
    let order = dims::permutation(inputs.node.ints("perm"), x.dims.len())?;
    let own = strides(&x.dims);
    let dims: Vec<usize> = order.iter().map(|&a| x.dims[a]).collect();
    let steps: Vec<usize> = order.iter().map(|&a| own[a]).collect();
    Ok(pick(x, dims.clone(), &walk(&dims, &steps)?))
}

/// Taking `positions` along `axis`; the axis is replaced by `new_dims`.
fn take(x: &Tensor, axis: usize, positions: &[usize], new_dims: &[usize]) -> Plain<Tensor> {
    let (before, after) = (&x.dims[..axis], &x.dims[axis + 1..]);
    let dims = [before, new_dims, after].concat();
    checked_count(&dims)?;
    let inner: usize = after.iter().product();
    let outer: usize = before.iter().product();
    let mut source = Vec::new();
    for o in 0..outer {
        for &p in positions {
            let base = (o * x.dims[axis] + p) * inner;
            source.extend(base..base + inner);
        }
    }
    Ok(pick(x, dims, &source))
}

pub(super) fn gather(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let (x, indices) = (inputs.get(0)?, inputs.get(1)?);
    let axis = dims::axis(inputs.node.int("axis").unwrap_or(0), x.dims.len())?;
    let list = indices.as_ints().ok_or("Gather with indices that are no integers")?;
    let positions = list.iter().map(|&i| dims::axis(i, x.dims[axis])).collect::<Plain<Vec<_>>>()?;
    take(x, axis, &positions, &indices.dims)
}

pub(super) fn slice(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let x = inputs.get(0)?;
    let mut result = Tensor::clone(x);
    for (axis, positions) in slice_plan(inputs, &x.dims)? {
        result = take(&result, axis, &positions, &[positions.len()])?;
    }
    Ok(result)
}

/// Which positions of which axes a `Slice` takes, attributes (opset 9 and before) or inputs.
pub(in crate::import) fn slice_plan(inputs: &Inputs<'_>, dims: &[usize]) -> Plain<Vec<(usize, Vec<usize>)>> {
    let starts = inputs.ints(1, "starts")?.ok_or("Slice without starts")?;
    let ends = inputs.ints(2, "ends")?.ok_or("Slice without ends")?;
    let axes = inputs.ints(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = inputs.ints(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("Slice whose starts, ends, axes and steps differ in number".into());
    }
    dims::axes(&axes, dims.len())?;
    let mut plan = Vec::new();
    for (((&start, &end), &a), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = dims::axis(a, dims.len())?;
        plan.push((axis, dims::slice_positions(dims[axis], start, end, step)?));
    }
    Ok(plan)
}

pub(super) fn concat(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let first = inputs.get(0)?;
    let axis = dims::axis(inputs.node.int("axis").unwrap_or(0), first.dims.len())?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    let parts: Vec<_> = inputs.values.iter().flatten().collect();
    for part in &parts {
        let alike = part.dims.len() == dims.len()
            && part.dims.iter().zip(&dims).enumerate().all(|(a, (p, d))| a == axis || p == d);
        if !alike {
            return Err(format!("Concat of {:?} and {:?} along axis {axis}", first.dims, part.dims));
        }
        dims[axis] += part.dims[axis];
    }
    checked_count(&dims)?;
    let outer: usize = dims[..axis].iter().product();
    fn join<'a, T: Copy + 'a>(outer: usize, parts: impl Iterator<Item = Option<&'a [T]>> + Clone) -> Option<Vec<T>> {
        let mut all = Vec::new();
        for o in 0..outer {
            for part in parts.clone() {
                let part = part?;
                let chunk = part.len() / outer;
                all.extend_from_slice(&part[o * chunk..(o + 1) * chunk]);
            }
        }
        Some(all)
    }
    let data = match &first.data {
        Data::Floats(_) => join(outer, parts.iter().map(|t| t.as_floats())).map(Data::Floats),
        Data::Ints(_) => join(outer, parts.iter().map(|t| t.as_ints())).map(Data::Ints),
        Data::Bools(_) => None,
    };
    Ok(Tensor { dims, element: first.element, data: data.ok_or("Concat of different element types")? })
}

pub(super) fn expand(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let x = inputs.get(0)?;
    let target = sizes(inputs.get(1)?.as_ints().ok_or("Expand to a shape that holds no integers")?)?;
    let dims = dims::broadcast(&x.dims, &target)?;
    Ok(pick(x, dims.clone(), &broadcast_source(&x.dims, &dims)?))
}

pub(super) fn tile(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let x = inputs.get(0)?;
    let repeats = sizes(inputs.get(1)?.as_ints().ok_or("Tile with repeats that are no integers")?)?;
    if repeats.len() != x.dims.len() {
        return Err("Tile with repeats of another rank".into());
    }
    let mut result = Tensor::clone(x);
    for (axis, &times) in repeats.iter().enumerate() {
        let size = x.dims[axis];
        let count = size.checked_mul(times).ok_or("Tile to a huge dimension")?;
        checked_count(&[count])?;
        let positions: Vec<usize> = (0..count).map(|i| i % size).collect();
        result = take(&result, axis, &positions, &[count])?;
    }
    Ok(result)
}

pub(super) fn constant_of_shape(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let dims = sizes(inputs.get(0)?.as_ints().ok_or("ConstantOfShape of a shape that holds no integers")?)?;
    let value = match inputs.node.attribute("value") {
        Some(Attribute::Tensor(t)) if t.len() == 1 => t.clone(),
        Some(_) => return Err("ConstantOfShape whose value is not one number".into()),
        None => Tensor::floats(vec![1], vec![0.0]),
    };
    let count = checked_count(&dims)?;
    Ok(pick(&value, dims, &vec![0; count]))
}

pub(super) fn range(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let part = |i: usize| -> Plain<f64> {
        match &inputs.get(i)?.data {
            Data::Floats(v) if v.len() == 1 => Ok(f64::from(v[0])),
            Data::Ints(v) if v.len() == 1 => Ok(v[0] as f64),
            Data::Floats(_) | Data::Ints(_) | Data::Bools(_) => Err("Range of something that is not one number".into()),
        }
    };
    let (start, limit, delta) = (part(0)?, part(1)?, part(2)?);
    let count = ((limit - start) / delta).ceil().max(0.0);
    if delta == 0.0 || !count.is_finite() || count > 1e6 {
        return Err(format!("Range from {start} to {limit} by {delta}"));
    }
    let values = (0..count as usize).map(|i| start + i as f64 * delta);
    Ok(match inputs.get(0)?.data {
        Data::Ints(_) => Tensor::int_list(values.map(|v| v as i64).collect()),
        Data::Floats(_) | Data::Bools(_) => Tensor::floats(vec![count as usize], values.map(|v| v as f32).collect()),
    })
}

fn sizes(list: &[i64]) -> Plain<Vec<usize>> {
    list.iter()
        .map(|&d| usize::try_from(d).map_err(|_| format!("the dimensions {list:?} contain a negative one")))
        .collect()
}
