import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { processIo } from '../../src/cli/process-io.ts';

class FakeProcess extends EventEmitter {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly env = {};
  readonly exits: number[] = [];
  connected: boolean | undefined;
  exit(code: number): void {
    this.exits.push(code);
  }
}

let host: FakeProcess;
beforeEach(() => {
  host = new FakeProcess();
});

describe("the process's streams and signals", () => {
  it('take no notice of a reader that closed the pipe, but of any other fault', () => {
    processIo(host);
    const fault = (code: string) => Object.assign(new Error(code), { code });
    host.stdout.emit('error', fault('EPIPE'));
    host.stderr.emit('error', fault('EPIPE'));
    expect(() => host.stdout.emit('error', fault('EIO'))).toThrow('EIO');
  });

  it('stay as they are until a command asks: then the first signal aborts, the second ends the process', () => {
    const io = processIo(host);
    expect(host.listenerCount('SIGINT')).toBe(0);
    const signal = io.interruption();
    expect(io.interruption()).toBe(signal);
    expect(signal.aborted).toBe(false);
    host.emit('SIGTERM');
    expect({ aborted: signal.aborted, exits: host.exits }).toEqual({ aborted: true, exits: [] });
    host.emit('SIGINT');
    expect(host.exits).toEqual([130]);
  });

  it('end with the parent that keeps a channel: at once, or well where a command asks', () => {
    host.connected = true;
    processIo(host);
    host.emit('disconnect');
    expect(host.exits).toEqual([130]);
    host = new FakeProcess();
    host.connected = true;
    const signal = processIo(host).interruption();
    host.emit('disconnect');
    expect({ aborted: signal.aborted, exits: host.exits }).toEqual({ aborted: true, exits: [] });
    host = new FakeProcess();
    host.connected = false;
    processIo(host);
    expect(host.exits).toEqual([130]);
  });
});
