import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const built = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Runs the built command line; `onStart` may close an end of its pipes. */
function execute(argv: string[], onStart?: (child: ReturnType<typeof spawn>) => void) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [built, ...argv], { stdio: 'pipe' });
    const written = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => {
      written.stdout += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      written.stderr += bytes.toString();
    });
    child.on('close', (code) => resolve({ code, ...written }));
    onStart?.(child);
  });
}

describe.skipIf(!existsSync(built))('the built command line (skipped where dist/ is not built)', () => {
  it('exits with the documented codes', async () => {
    expect(await execute(['--version'])).toMatchObject({ code: 0, stderr: '' });
    expect(await execute(['check', 'nowhere.yaml'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('takes no notice when its reader closes the pipe', async () => {
    const outcome = await execute(['check', '--help'], (child) => child.stdout?.destroy());
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
