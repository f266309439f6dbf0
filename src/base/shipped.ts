/** Where the files lie that are shipped beside the program. */
import { fileURLToPath } from 'node:url';

/** Two folders up, from dist/base/ as from dist/bundle/: the only place that counts them. */
const root = new URL('../../', import.meta.url);

/** The path of what stands at `path` in the package, such as `topologies/data/`. */
export function shipped(path: string): string {
  return fileURLToPath(new URL(path, root));
}
