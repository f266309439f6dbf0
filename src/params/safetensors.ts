/**
 * Safetensors in and out: u64 header length (little-endian), a JSON header padded with spaces to a multiple of 8,
 * then the tensors' bytes in layout order. Format: https://huggingface.co/docs/safetensors. Only F32 and F64, one of
 * them in a file. Reading is for files of strangers: bounded, every offset checked, nothing executed.
 */
import { InputError } from '../base/errors.ts';
import { bytesOf, type Layout, layoutOf, type Precision, precisionOf, type Vector, zeros } from './layout.ts';

/** What is in a file: params, their layout and free text such as experiment digest and round. */
export interface SavedParams {
  readonly layout: Layout;
  readonly params: Vector;
  readonly metadata: Readonly<Record<string, string>>;
}

const HEADER_BYTES_MAX = 1024 * 1024;
const TENSORS_MAX = 10_000;
const RANK_MAX = 8;
const ELEMENT_BYTES = { f32: 4, f64: 8 } as const;
const DTYPES: Readonly<Record<string, Precision>> = { F32: 'f32', F64: 'f64' };

/** The file's bytes. `metadata` gets `format: 'grapevine'` unless it names another one. */
export function encodeSafetensors({ layout, params, metadata }: SavedParams): Uint8Array {
  const precision = precisionOf(params);
  const width = ELEMENT_BYTES[precision];
  const entries = layout.tensors.map(({ name, shape, offset, size }) => [
    name,
    {
      dtype: precision === 'f32' ? 'F32' : 'F64',
      shape,
      data_offsets: [offset * width, (offset + size) * width],
    },
  ]);
  const header = JSON.stringify(
    Object.fromEntries([['__metadata__', { format: 'grapevine', ...metadata }], ...entries]),
  );
  const text = new TextEncoder().encode(header);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + params.byteLength).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(text, 8);
  file.set(bytesOf(params), 8 + headerBytes);
  return file;
}

/** Reads a file's bytes; the result owns its memory. InputError `safetensors-invalid`. */
export function decodeSafetensors(file: Uint8Array): SavedParams {
  const { header, data } = splitFile(file);
  const { __metadata__: metadata = {}, ...rest } = header;
  const names = Object.keys(rest);
  if (names.length === 0 || names.length > TENSORS_MAX)
    refuse(`${names.length} tensors, wanted 1 to ${TENSORS_MAX}`);
  const tensors = names.map((name) => parseTensor(name, rest[name])).sort((a, b) => a.start - b.start);
  const { precision } = tensors[0]!;
  if (tensors.some((tensor) => tensor.precision !== precision)) refuse('F32 and F64 tensors in one file');
  const layout = layoutOf(tensors);
  const width = ELEMENT_BYTES[precision];
  layout.tensors.forEach(({ name, offset, size }, index) => {
    const { start, end } = tensors[index]!;
    if (start !== offset * width || end !== (offset + size) * width) {
      refuse(
        `tensor ${name} covers bytes ${start} to ${end}, wanted ${offset * width} to ${(offset + size) * width}`,
      );
    }
  });
  if (data.length !== layout.size * width) {
    refuse(`${data.length} bytes of data, but the tensors want ${layout.size * width}`);
  }
  const params = zeros(precision, layout.size);
  bytesOf(params).set(data);
  return { layout, params, metadata: parseMetadata(metadata) };
}

function splitFile(file: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (file.length < 8) refuse(`${file.length} bytes, too short for a header`);
  const headerBytes = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true);
  if (headerBytes > HEADER_BYTES_MAX)
    refuse(`a header of ${headerBytes} bytes, at most ${HEADER_BYTES_MAX} allowed`);
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > file.length) refuse(`a header of ${headerBytes} bytes in a file of ${file.length}`);
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, dataStart));
    header = JSON.parse(text);
  } catch {
    refuse('the header is not JSON');
  }
  if (!isObject(header)) refuse('the header is not a JSON object');
  return { header, data: file.subarray(dataStart) };
}

interface ParsedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly precision: Precision;
  readonly start: number;
  readonly end: number;
}

function parseTensor(name: string, entry: unknown): ParsedTensor {
  if (!isObject(entry)) refuse(`tensor ${name} has no description`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const precision = typeof dtype === 'string' ? DTYPES[dtype] : undefined;
  if (precision === undefined) refuse(`tensor ${name} has type ${String(dtype)}, wanted F32 or F64`);
  const positive = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
  if (!Array.isArray(shape) || shape.length > RANK_MAX || !shape.every(positive)) {
    refuse(`tensor ${name} has shape ${JSON.stringify(shape)}, wanted at most ${RANK_MAX} positive integers`);
  }
  const product = shape.reduce((size: number, dimension: number) => size * dimension, 1);
  if (!Number.isSafeInteger(product)) refuse(`tensor ${name} has ${product} elements`);
  const sound = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(sound)) {
    refuse(`tensor ${name} has data_offsets ${JSON.stringify(offsets)}, wanted [start, end]`);
  }
  const [start, end] = offsets as [number, number];
  return { name, shape, precision, start, end };
}

function parseMetadata(metadata: unknown): Record<string, string> {
  if (isObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string')) {
    return metadata as Record<string, string>;
  }
  return refuse('__metadata__ is not a map of texts');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(problem: string): never {
  throw new InputError('safetensors-invalid', `not a usable safetensors file: ${problem}`);
}
