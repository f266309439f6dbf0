import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { InputError, OperatingError } from '../../src/base/errors.ts';
import { failureOf, formatFailure } from '../../src/cli/exit-codes.ts';
import { run } from './run.ts';

describe('exit codes', () => {
  it.each([
    [new InputError('x', 'm'), 2],
    [new OperatingError('x', 'm'), 3],
    [Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' }), 3],
    [new AssertionError('m'), 70],
    [new TypeError('m'), 70],
    ['thrown text', 70],
    [new CommanderError(1, 'commander.unknownOption', 'm'), 2],
  ])('%s exits with %i', (error, exitCode) => {
    expect(failureOf(error)?.exitCode).toBe(exitCode);
  });

  it('asks to report a bug, and only a bug', () => {
    const bug = failureOf(new AssertionError('lost it'));
    const text = bug === undefined ? '' : formatFailure(bug);
    expect(text).toMatch(/bug in Grapevine: lost it[\s\S]*please report it/);
    const fault = failureOf(new OperatingError('x', 'disk full'));
    expect(fault === undefined ? '' : formatFailure(fault)).toBe('error: disk full\n');
  });
});

describe('grapevine', () => {
  it('prints its version', async () => {
    expect(await run('--version')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it('helps with every command, its examples and the exit codes', async () => {
    const { exitCode, stdout } = await run('--help');
    expect(exitCode).toBe(0);
    for (const word of [
      'check',
      'report',
      'identity',
      'membership',
      '--json',
      '--set',
      '--out',
      'Exit codes: 0',
    ]) {
      expect(stdout).toContain(word);
    }
    for (const command of [['check'], ['report'], ['identity'], ['membership'], ['membership', 'sign']]) {
      const help = await run(...command, '--help');
      expect(help.exitCode).toBe(0);
      expect(help.stdout).toContain(`Usage: grapevine ${command.join(' ')}`);
    }
    expect((await run('membership', 'create', '--help')).stdout).toContain('Examples:');
    expect((await run('check', '--help')).stdout).toContain('--json');
  });

  it.each([
    [[], 'Usage: grapevine'],
    [['chekc'], 'Did you mean check?'],
    [['check'], "missing required argument 'file'"],
    [['check', 'a', 'b'], 'too many arguments'],
    [['check', '--colour', 'a'], "unknown option '--colour'"],
    [['membership', 'sign', 'x'], "required option '--key <file>'"],
  ])('%j is bad input and says why', async (argv, message) => {
    const { exitCode, stdout, stderr } = await run(...argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });

  it('with --json prints an error as one document, wherever the option stands', async () => {
    const outcomes = [
      await run('--json', 'report', 'nowhere'),
      await run('report', 'nowhere', '--json'),
      await run('report', '--json'),
    ];
    const codes = outcomes.map(
      ({ stdout }) => (JSON.parse(stdout) as { error: { code: string } }).error.code,
    );
    expect(codes).toEqual(['run-missing', 'run-missing', 'usage']);
    for (const { exitCode, stderr } of outcomes) {
      expect(exitCode).toBe(2);
      expect(stderr).not.toBe('');
    }
  });
});

describe('grapevine identity', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'grapevine-cli-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('makes a key once and shows the same peer id again', async () => {
    const path = join(folder, 'silo.pem');
    const created = await run('identity', 'create', path);
    expect(created).toMatchObject({ exitCode: 0, stderr: '' });
    const peerId = /peer id: (12D3KooW\w+)\n$/.exec(created.stdout)?.[1];
    expect(await run('identity', 'show', path)).toEqual({ exitCode: 0, stdout: `${peerId}\n`, stderr: '' });
    const shown = await run('identity', 'show', path, '--json');
    expect(JSON.parse(shown.stdout)).toEqual({ path, peerId });
    expect(shown.stderr).toBe(`${peerId}\n`);
    expect(await run('identity', 'create', path)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('never overwritten'),
    });
  });
});
