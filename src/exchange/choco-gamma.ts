/**
 * How far a round of CHOCO goes towards the neighbours: its step γ, by what the compressor keeps (its contraction δ). Koloskova, Stich,
 * Jaggi 2019 prove convergence of CHOCO-Gossip for (Theorem 2, with ρ the spectral gap and β = ‖I − W‖)
 *   γ = ρ²δ/(16ρ + ρ² + 4β² + 2ρβ² − 8ρδ),
 * far more cautious than need be: 10⁻⁴ for a ring of 8 and QSGD of one level, where 0.04 averages soonest and 0.11 diverges. What we
 * found on rings instead: δ averages soonest, a little more learns best, and not much more diverges (STEPS). That is our default, and no
 * more than serves models of any length. δ is what is kept of any vector: top-k keeps more of most, hence the greater multiple, and
 * scaled sign so much more (2/π of a normal one, 1/d at worst) that its γ need not follow it.
 */
import { type Codec, type CodecSpec, parseCompressor } from '../compress/index.ts';

/** γ/δ by default, the most that does not diverge, and the most that γ may be: softmax on digits and averages of 650 params, ring of 8. */
const STEPS: Readonly<
  Record<string, { readonly best: number; readonly most: number; readonly gammaMax: number }>
> = {
  qsgd: { best: 2.5, most: 3, gammaMax: 1 },
  'random-k': { best: 1.25, most: 1.75, gammaMax: 0.5 },
  'top-k': { best: 10, most: 15, gammaMax: 0.4 },
};
const USUAL: Readonly<Record<string, number>> = {
  identity: 1,
  fp16: 1,
  int8: 1,
  sign: 0.4,
  qsgd: 0.4,
  'top-k': 0.1,
  'random-k': 0.1,
};

/** The default where it is the same for models of any length; else undefined. */
export function usualGamma({ kind }: CodecSpec): number | undefined {
  return kind in STEPS ? undefined : USUAL[kind];
}

/** The default for a model of so many params. */
export function gammaFor({ kind }: CodecSpec, codec: Codec, length: number): number {
  const usual = USUAL[kind] ?? 1;
  const step = STEPS[kind];
  return step === undefined ? usual : Math.min(usual, step.best * (codec.contractionOf(length) ?? 1));
}

/** From which γ on the replicas of a model of so many params run away, and the default; undefined where no γ is known to do so. */
export function gammaBounds(
  compressor: unknown,
  length: number,
): { readonly most: number; readonly usual: number } | undefined {
  const parsed = parseCompressor(compressor);
  const step = parsed.ok ? STEPS[parsed.spec.kind] : undefined;
  if (!parsed.ok || step === undefined) return undefined;
  const most = Math.min(step.gammaMax, step.most * (parsed.codec.contractionOf(length) ?? 1));
  return { most, usual: gammaFor(parsed.spec, parsed.codec, length) };
}
