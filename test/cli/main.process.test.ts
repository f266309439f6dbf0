import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const built = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const execute = (...argv: string[]) => spawnSync(process.execPath, [built, ...argv], { encoding: 'utf8' });

describe.skipIf(!existsSync(built))('the built command line (skipped where dist/ is not built)', () => {
  it("gives what the command says, and the command's exit code", () => {
    expect(execute('--version')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\./),
      stderr: '',
    });
    expect(execute('check', 'nowhere.yaml')).toMatchObject({ status: 2, stdout: '' });
  });
});
