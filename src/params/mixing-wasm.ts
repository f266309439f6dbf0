/**
 * The mixing kernels for f32 as WebAssembly SIMD, put together here by hand: two f64 lanes at a time (`signed`: four of f32, for
 * the sum of two f32 is the same through f64), in the order and with the roundings of the plain loops of kernels.ts, so that not a bit
 * differs (a test compares them). V8 compiles those loops to scalar code with a bounds check and a conversion per element, which mixes at
 * a tenth of memory-copy bandwidth (scripts/bench-kernels.mjs).
 *
 * Memory: weights (f64) from 0; then slots of a block each; the result takes the last one. The caller copies a block of every vector
 * in and the result out, which stays in the caches.
 */

/** Elements per block. */
export const WASM_BLOCK = 2048;
const SLOT_BYTES = 4 * WASM_BLOCK;
const SLOTS = 64;
const SLOTS_START = 1024;
/** Where `signed` leaves the greatest magnitudes, and where its signs are. */
const LARGEST = 768;
const SIGNS = SLOTS_START + SLOT_BYTES;
const RESULT = SLOTS_START + SLOTS * SLOT_BYTES;
const PAGES = Math.ceil((RESULT + SLOT_BYTES) / 65536);

export interface MixingKernel {
  readonly weights: Float64Array;
  /** Blocks of f32, to be filled from the first on. */
  readonly slots: readonly Float32Array[];
  readonly result: Float32Array;
  /** result ← Σ weights[k]·slots[k], k < count. */
  sum(count: number): void;
  /** result ← slots[0] + factor·Σ weights[k]·(slots[k + 2] − slots[1]), k < count. */
  differences(count: number, factor: number): void;
  /** result[i] ← slots[0][i] ± scale (an f32), minus where bit i of `signs` is set, lowest first; whether all of it is finite. */
  signed(scale: number): boolean;
  /** A bit for every element of a block. */
  readonly signs: Uint8Array;
}

const I32 = 0x7f;
const F64 = 0x7c;
const V128 = 0x7b;

const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
const signed = (value: number): number[] => {
  const rest = value >> 7;
  const done = (rest === 0 && (value & 64) === 0) || (rest === -1 && (value & 64) !== 0);
  return done ? [value & 127] : [(value & 127) | 128, ...signed(rest)];
};
const section = (id: number, items: readonly number[][]): number[] => {
  const content = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(content.length), ...content];
};
const text = (name: string): number[] => [name.length, ...Buffer.from(name)];

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const i32 = (value: number) => [0x41, ...signed(value)];
const i32add = [0x6a];
const i32sub = [0x6b];
const i32lessThan = [0x49];
const loop = (body: readonly number[]) => [0x03, 0x40, ...body, 0x0b];
/** To the start of the innermost loop, if the value is not 0. */
const again = [0x0d, 0];
const simd = (code: number, ...rest: number[]) => [0xfd, ...unsigned(code), ...rest];
const loadSplat64 = simd(10, 3, 0);
const loadLow64 = (offset: number) => simd(93, 3, ...unsigned(offset));
const store = (offset: number) => simd(11, 4, ...unsigned(offset));
const zero = simd(12, ...new Array<number>(16).fill(0));
/** The low halves of two vectors. */
const lowHalves = simd(13, ...[0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
const splat = simd(20);
const add = simd(0xf0);
const subtract = simd(0xf1);
const multiply = simd(0xf2);
const toF32 = simd(94);
const toF64 = simd(95);
const tee = (local: number) => [0x22, local];
const load = (offset: number) => simd(0, 4, ...unsigned(offset));
const loadByte = (offset: number) => [0x2d, 0, ...unsigned(offset)];
const demote = [0xb6];
const splatI32 = simd(17);
const splatF32 = simd(19);
const equalI32 = simd(55);
const and = simd(78);
const xor = simd(81);
const absF32 = simd(0xe0);
const addF32 = simd(0xe4);
/** NaN if either is. */
const maxF32 = simd(0xe9);
const SIGN_BITS = [0x80000000, 0x80000000, 0x80000000, 0x80000000];
const lanes = (four: readonly number[]) => simd(12, ...new Uint8Array(Uint32Array.from(four).buffer));

// Locals: the parameters, then these.
const COUNT = 0;
const FACTOR = 1;
const [AT, SLOT, WEIGHT, LEFT] = [2, 3, 4, 5] as const;
/** The pairs of elements that are summed side by side. */
const PAIRS = [6, 7, 8, 9] as const;
const [LOW, HIGH, VALUE] = PAIRS;
const SPLAT = 10;
const LOCALS = [2, 4, I32, 5, V128];

/** Two f32 of slot `slot`, `pair` × 8 bytes behind AT, as f64. */
const fixedSlot = (slot: number, pair: number) => [
  ...get(AT),
  ...loadLow64(SLOTS_START + slot * SLOT_BYTES + 8 * pair),
  ...toF64,
];

function body(differences: boolean): number[] {
  const first = differences ? 2 : 0;
  const accumulate = (sum: number, pair: number) => [
    ...[...get(sum), ...get(SPLAT), ...get(SLOT), ...loadLow64(8 * pair), ...toF64],
    ...(differences ? [...fixedSlot(1, pair), ...subtract] : []),
    ...[...multiply, ...add, ...set(sum)],
  ];
  const rounded = (sum: number, pair: number) =>
    differences
      ? [...fixedSlot(0, pair), ...get(FACTOR), ...splat, ...get(sum), ...multiply, ...add, ...toF32]
      : [...get(sum), ...toF32];
  const storeFour = (at: number) => [
    ...[...get(AT), ...rounded(PAIRS[at]!, at), ...rounded(PAIRS[at + 1]!, at + 1)],
    ...[...lowHalves, ...store(RESULT + 8 * at)],
  ];
  const terms = loop([
    ...[...get(WEIGHT), ...loadSplat64, ...set(SPLAT)],
    ...PAIRS.flatMap(accumulate),
    ...[...get(SLOT), ...i32(SLOT_BYTES), ...i32add, ...set(SLOT)],
    ...[...get(WEIGHT), ...i32(8), ...i32add, ...set(WEIGHT)],
    ...[...get(LEFT), ...i32(1), ...i32sub, ...set(LEFT)],
    ...[...get(LEFT), ...again],
  ]);
  const elements = loop([
    ...PAIRS.flatMap((sum) => [...zero, ...set(sum)]),
    ...[...get(AT), ...i32(SLOTS_START + first * SLOT_BYTES), ...i32add, ...set(SLOT)],
    ...[...i32(0), ...set(WEIGHT), ...get(COUNT), ...set(LEFT)],
    ...terms,
    ...[...storeFour(0), ...storeFour(2)],
    ...[...get(AT), ...i32(32), ...i32add, ...set(AT)],
    ...[...get(AT), ...i32(SLOT_BYTES), ...i32lessThan, ...again],
  ]);
  return sized([...LOCALS, ...elements, 0x0b]);
}

const sized = (code: readonly number[]) => [...unsigned(code.length), ...code];

/** Eight elements a turn: a byte of signs, spread over lanes, becomes the sign bits of the scale. */
function signedBody(): number[] {
  const four = (half: number) => {
    const bits = lanes([1, 2, 4, 8].map((bit) => bit << (4 * half)));
    const minus = [
      ...get(SLOT),
      ...splatI32,
      ...bits,
      ...and,
      ...bits,
      ...equalI32,
      ...lanes(SIGN_BITS),
      ...and,
    ];
    const base = [...get(AT), ...load(SLOTS_START + 16 * half)];
    return [
      ...[
        ...get(AT),
        ...base,
        ...minus,
        ...get(LOW),
        ...xor,
        ...addF32,
        ...tee(VALUE),
        ...store(RESULT + 16 * half),
      ],
      ...[...get(HIGH), ...get(VALUE), ...absF32, ...maxF32, ...set(HIGH)],
    ];
  };
  const elements = loop([
    ...[...get(LEFT), ...loadByte(SIGNS), ...set(SLOT)],
    ...[...four(0), ...four(1)],
    ...[...get(LEFT), ...i32(1), ...i32add, ...set(LEFT)],
    ...[...get(AT), ...i32(32), ...i32add, ...set(AT)],
    ...[...get(AT), ...i32(SLOT_BYTES), ...i32lessThan, ...again],
  ]);
  const scale = [...get(FACTOR), ...demote, ...splatF32, ...set(LOW), ...zero, ...set(HIGH)];
  return sized([...LOCALS, ...scale, ...elements, ...i32(0), ...get(HIGH), ...store(LARGEST), 0x0b]);
}

function moduleBytes(): Uint8Array {
  const type = [0x60, 2, I32, F64, 0];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [type]),
    ...section(3, [[0], [0], [0]]),
    ...section(5, [[0, ...unsigned(PAGES)]]),
    ...section(7, [
      [...text('memory'), 2, 0],
      [...text('sum'), 0, 0],
      [...text('differences'), 0, 1],
      [...text('signed'), 0, 2],
    ]),
    ...section(10, [body(false), body(true), signedBody()]),
  ]);
}

/** What Node has and its types do not tell. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** How many vectors `sum` and `differences` can take. */
export const WASM_TERMS_MAX = SLOTS - 2;

let kernel: MixingKernel | undefined;

/** The kernels, made when first asked for; their memory is one for all, and a call leaves nothing in it that another one needs. */
export function mixingKernel(): MixingKernel {
  if (kernel !== undefined) return kernel;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
  const { memory, sum, differences, signed } = exports as unknown as {
    readonly memory: { readonly buffer: ArrayBuffer };
    sum(count: number, factor: number): void;
    differences(count: number, factor: number): void;
    signed(count: number, factor: number): void;
  };
  const largest = new Float32Array(memory.buffer, LARGEST, 4);
  const block = (start: number) => new Float32Array(memory.buffer, start, WASM_BLOCK);
  kernel = {
    weights: new Float64Array(memory.buffer, 0, SLOTS),
    slots: Array.from({ length: SLOTS }, (_, slot) => block(SLOTS_START + slot * SLOT_BYTES)),
    result: block(RESULT),
    sum: (count) => sum(count, 0),
    differences: (count, factor) => differences(count, factor),
    signed: (scale) => {
      signed(0, scale);
      // Not finite: neither is the greatest magnitude, nor what comes of it.
      return (largest[0]! + largest[1]! + largest[2]! + largest[3]!) * 0 === 0;
    },
    signs: new Uint8Array(memory.buffer, SIGNS, WASM_BLOCK / 8),
  };
  return kernel;
}
