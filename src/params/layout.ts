/**
 * A model's parameters are one flat vector with a layout: which tensor, of which shape, starts where.
 * Two peers may exchange vectors only if their layout digests are equal.
 */
import { createHash } from 'node:crypto';
import { assert } from '../base/assert.ts';

/** Params travel as f32; exact sums (push-sum masses, counts) are f64. */
export type Vector = Float32Array | Float64Array;
export type Precision = 'f32' | 'f64';

export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** Index of the first element in the flat vector. */
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
}

export interface Layout {
  readonly tensors: readonly TensorEntry[];
  /** Length of the flat vector. */
  readonly size: number;
}

/** Lays tensors out one after another in the given order. Names must be unique; dimensions positive integers. */
export function layoutOf(tensors: readonly { name: string; shape: readonly number[] }[]): Layout {
  let offset = 0;
  const names = new Set<string>();
  const entries = tensors.map(({ name, shape }) => {
    assert(!names.has(name), `two tensors called ${name}`);
    names.add(name);
    assert(
      shape.every((dimension) => Number.isSafeInteger(dimension) && dimension > 0),
      `tensor ${name} has shape [${shape.join(', ')}]`,
    );
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const entry = { name, shape: [...shape], offset, size };
    offset += size;
    return entry;
  });
  return { tensors: entries, size: offset };
}

/** SHA-256 (hex) over names, shapes and order; equal exactly when two layouts are interchangeable. */
export function layoutDigest(layout: Layout): string {
  const canonical = JSON.stringify(layout.tensors.map(({ name, shape }) => [name, shape]));
  return createHash('sha256').update(canonical).digest('hex');
}

/** A new zero vector. */
export function zeros(precision: Precision, size: number): Vector {
  return precision === 'f32' ? new Float32Array(size) : new Float64Array(size);
}

export function precisionOf(vector: Vector): Precision {
  return vector instanceof Float32Array ? 'f32' : 'f64';
}

/** The vector's memory as bytes (little-endian on every platform Node runs on); shares the memory. */
export function bytesOf(vector: Vector): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** SHA-256 (hex) of the vector's bytes. */
export function vectorDigest(vector: Vector): string {
  return createHash('sha256').update(bytesOf(vector)).digest('hex');
}
