/** The compressors, by kind: a new one is one new file and one line here. */
import type { CodecSpec, Compressor, ParsedCodec } from './codec.ts';
import { fp16 } from './fp16.ts';
import { identity } from './identity.ts';
import { int8 } from './int8.ts';
import { qsgd } from './qsgd.ts';
import { randomK } from './random-k.ts';
import { sign } from './sign.ts';
import { topK } from './top-k.ts';

const compressors: readonly Compressor[] = [identity, fp16, int8, sign, topK, randomK, qsgd];

export const compressorKinds: readonly string[] = compressors.map(({ kind }) => kind);

/** A compressor as an experiment file names it: its kind, or a map of `kind` and its options. */
export function parseCompressor(given: unknown): ParsedCodec {
  const spec = typeof given === 'string' ? { kind: given } : given;
  if (!isSpec(spec)) {
    const problem = `compressor is ${JSON.stringify(given)}; it must be one of ${compressorKinds.join(', ')}, or {kind, …}`;
    return { ok: false, problems: [problem] };
  }
  const { kind, ...options } = spec;
  const compressor = compressors.find((one) => one.kind === kind);
  if (compressor !== undefined) return compressor.parse(options);
  const problem = `compressor is ${JSON.stringify(kind)}; it must be one of ${compressorKinds.join(', ')}`;
  return { ok: false, problems: [problem] };
}

function isSpec(value: unknown): value is CodecSpec {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
}
