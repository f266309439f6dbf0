/** An optimiser's vectors on the device and its update count; as bytes, they resume bit for bit. */
import { InputError } from '../base/errors.ts';
import type { Device, DeviceArray } from './device.ts';
import { type Shape, sizeOf } from './model.ts';

export class OptimizerState {
  readonly #device: Device;
  readonly #slotCount: number;
  readonly #shapes: readonly Shape[];
  readonly #size: number;
  /** [part][slot]; empty before the first update. */
  #parts: readonly (readonly DeviceArray[])[] = [];
  #updateCount = 0;

  constructor(device: Device, slotCount: number, shapes: readonly Shape[]) {
    this.#device = device;
    this.#slotCount = slotCount;
    this.#shapes = shapes;
    this.#size = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  }

  /** Updates made since the beginning. */
  get updateCount(): number {
    return this.#updateCount;
  }

  /** State by part and slot; zeros before the first update. */
  slots(): readonly (readonly DeviceArray[])[] {
    if (this.#parts.length === 0) {
      this.#parts = this.#shapes.map((shape) =>
        Array.from({ length: this.#slotCount }, () =>
          this.#device.keep(this.#device.upload(new Float32Array(sizeOf(shape)), shape)),
        ),
      );
    }
    return this.#parts;
  }

  /** Takes the arrays after one more update. */
  advance(parts: readonly (readonly DeviceArray[])[]): void {
    for (const array of parts.flat()) this.#device.keep(array);
    for (const array of this.#parts.flat()) this.#device.free(array);
    this.#parts = parts;
    this.#updateCount++;
  }

  /** f64 update count, then each slot's flat f32 vector; empty where there is no state. */
  snapshot(): Uint8Array {
    if (this.#slotCount === 0 || this.#updateCount === 0) return new Uint8Array(0);
    const bytes = new Uint8Array(this.#snapshotBytes);
    new Float64Array(bytes.buffer, 0, 1)[0] = this.#updateCount;
    const vectors = new Float32Array(bytes.buffer, 8);
    let offset = 0;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      for (const part of this.#parts) {
        const values = this.#device.download(part[slot]!);
        vectors.set(values, offset);
        offset += values.length;
      }
    }
    return bytes;
  }

  /** InputError `snapshot-mismatch`. */
  restore(snapshot: Uint8Array): void {
    const wanted = this.#slotCount === 0 ? 0 : this.#snapshotBytes;
    if (snapshot.length !== 0 && snapshot.length !== wanted) {
      throw new InputError(
        'snapshot-mismatch',
        `got ${snapshot.length} bytes of optimiser state, wanted ${wanted}: ` +
          'the snapshot belongs to another optimiser or model',
      );
    }
    this.dispose();
    if (snapshot.length === 0) return;
    // A copy starts at offset 0 of its own buffer, as the typed views need.
    const { buffer } = Uint8Array.from(snapshot);
    this.#updateCount = new Float64Array(buffer, 0, 1)[0]!;
    const vectors = new Float32Array(buffer, 8);
    let offset = 0;
    this.#parts = this.#shapes.map((shape) => {
      const size = sizeOf(shape);
      const start = offset;
      offset += size;
      return Array.from({ length: this.#slotCount }, (_, slot) => {
        const from = slot * this.#size + start;
        return this.#device.upload(vectors.subarray(from, from + size), shape);
      });
    });
  }

  /** Frees the arrays and begins anew. */
  dispose(): void {
    for (const array of this.#parts.flat()) this.#device.free(array);
    this.#parts = [];
    this.#updateCount = 0;
  }

  get #snapshotBytes(): number {
    return 8 + this.#slotCount * this.#size * 4;
  }
}
