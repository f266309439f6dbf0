/** The version in package.json. */
import { readFileSync } from 'node:fs';
import { shipped } from '../base/shipped.ts';

export function grapevineVersion(): string {
  const manifest = readFileSync(shipped('package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
