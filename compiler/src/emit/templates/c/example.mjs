// Runs {{ name }} in Node: reads pictures of {{ height }} x {{ width }} red, green, blue bytes from standard input, and prints
// the bits of what the network answers to each, or with `best` which of its numbers is the largest.
//
//     node example.mjs < pixels.rgb
//
// The page beside it, index.html, does the same in a browser.
import { readFile } from "node:fs/promises";

const module = new URL("../target/{{ triple }}/release/{{ name }}.wasm", import.meta.url);
const { instance } = await WebAssembly.instantiate(await readFile(module), {});
const { memory, {{ name }}_arena_size, {{ name }}_run } = instance.exports;

const IMAGE = {{ image }};
const OUTPUTS = {{ outputs }};
// Whole pages behind what the module itself uses: the arena, which must start at a multiple of 64 bytes, the picture, the answers.
const arena = {{ name }}_arena_size();
const padded = (bytes) => Math.ceil(bytes / 64) * 64;
const start = memory.grow(Math.ceil((padded(arena) + padded(IMAGE) + 4 * OUTPUTS) / 65536)) * 65536;
const [image, answers] = [start + padded(arena), start + padded(arena) + padded(IMAGE)];

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const pixels = Buffer.concat(chunks);
for (let at = 0; at + IMAGE <= pixels.length; at += IMAGE) {
  new Uint8Array(memory.buffer, image, IMAGE).set(pixels.subarray(at, at + IMAGE));
  const status = {{ name }}_run(start, arena, image, answers);
  if (status !== 0) throw new Error(`status ${status}`);
  if (process.argv[2] === "best") {
    const numbers = new Float32Array(memory.buffer, answers, OUTPUTS);
    console.log(numbers.indexOf(Math.max(...numbers)));
  } else {
    const words = Array.from(new Uint32Array(memory.buffer, answers, OUTPUTS));
    console.log(words.map((word) => word.toString(16).padStart(8, "0")).join(" "));
  }
}
