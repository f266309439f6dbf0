/** The version in package.json, which lies two folders up from here in src and in dist alike. */
import { readFileSync } from 'node:fs';

export function grapevineVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
