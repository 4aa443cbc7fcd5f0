//! Pictures that every build draws alike, to test a network with: whole numbers alone, no table, no library.
//!
//! Noise leaves most of a trained network silent, and what is silent can be broken unseen. So a picture here has what a
//! network looks for: shapes of all sizes before a background, edges in all directions, gradients, stripes, checks, clouds
//! and grain, in any colours. Coordinates are 1/1024 of a side, so that a picture looks the same in any size.

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// One of `low..high`.
    fn range(&mut self, low: i32, high: i32) -> i32 {
        low + ((self.next() >> 33) % (high - low) as u64) as i32
    }

    fn colour(&mut self) -> [i32; 3] {
        [0; 3].map(|_| self.range(0, 256))
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Eight bits that a place in the plane gets by chance.
fn chance(salt: u64, x: i32, y: i32) -> i32 {
    (mix(salt ^ (u64::from(x as u32) << 32 | u64::from(y as u32))) >> 56) as i32
}

/// Value noise: chance at the corners of cells, linear between; 0 to 255.
fn cloud(salt: u64, cell: i32, x: i32, y: i32) -> i32 {
    let (column, row) = (x.div_euclid(cell), y.div_euclid(cell));
    let (fx, fy) = (x.rem_euclid(cell), y.rem_euclid(cell));
    let line = |row| chance(salt, column, row) * (cell - fx) + chance(salt, column + 1, row) * fx;
    (line(row) * (cell - fy) + line(row + 1) * fy) / (cell * cell)
}

/// A shape and what fills it.
struct Shape {
    kind: i32,
    texture: i32,
    centre: [i32; 2],
    /// Direction of its first axis; its length, about 256, scales the shape.
    axis: [i32; 2],
    /// Half of its length and width.
    half: [i32; 2],
    period: i32,
    colours: [[i32; 3]; 2],
    salt: u64,
}

impl Shape {
    fn any(random: &mut Random, whole: bool) -> Self {
        let axis = [random.range(-256, 257), random.range(-256, 257)];
        let largest = random.range(60, 500);
        Self {
            kind: if whole { 0 } else { random.range(1, 5) },
            texture: random.range(0, 6),
            centre: [random.range(0, 1024), random.range(0, 1024)],
            axis: if axis[0].abs() + axis[1].abs() < 128 { [256, 0] } else { axis },
            half: [largest, random.range(largest / 8 + 8, largest + 1)],
            period: random.range(8, 160),
            colours: [random.colour(), random.colour()],
            salt: random.next(),
        }
    }

    /// Its colour at a place, if it is there.
    fn colour(&self, x: i32, y: i32) -> Option<[i32; 3]> {
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        let p = (dx * self.axis[0] + dy * self.axis[1]) >> 8;
        let q = (dy * self.axis[0] - dx * self.axis[1]) >> 8;
        let [a, b] = self.half;
        let there = match self.kind {
            0 => true,
            1 => p.abs() <= a && q.abs() <= b,
            2 => p.abs() * b + q.abs() * a <= a * b,
            kind => {
                let square = |x: i32| i64::from(x) * i64::from(x);
                let r = square(p) * square(b) + square(q) * square(a);
                let edge = square(a) * square(b);
                r <= edge && (kind == 3 || 2 * r >= edge)
            }
        };
        let stripe = |x: i32| x.div_euclid(self.period) & 1;
        let share = match self.texture {
            0 => 0,
            1 => (128 + p * 128 / a).clamp(0, 255),
            2 => 255 * stripe(p),
            3 => 255 * (stripe(p) ^ stripe(q)),
            4 => cloud(self.salt, self.period, p, q),
            _ => chance(self.salt, p, q),
        };
        let [from, to] = self.colours;
        there.then(|| [0, 1, 2].map(|c| from[c] + (to[c] - from[c]) * share / 255))
    }
}

/// Draws picture `seed` into `image`: rows of `width` pixels of red, green and blue.
pub fn draw(seed: u64, width: usize, image: &mut [u8]) {
    let random = &mut Random(seed);
    let width = width.max(1);
    let row = 3 * width;
    let height = image.len() / row;
    let count = random.range(2, 12);
    let shapes: [Shape; 12] = std::array::from_fn(|i| Shape::any(random, i == 0));
    let (grain, salt) = (random.range(0, 48), random.next());
    for (y, line) in image.chunks_exact_mut(row).enumerate() {
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let (u, v) = ((x * 1024 / width) as i32, (y * 1024 / height) as i32);
            let shown = shapes.iter().take(count as usize).rev().find_map(|shape| shape.colour(u, v));
            let speck = (chance(salt, x as i32, y as i32) - 128) * grain / 128;
            for (byte, colour) in pixel.iter_mut().zip(shown.unwrap_or_default()) {
                *byte = (colour + speck).clamp(0, 255) as u8;
            }
        }
    }
}
