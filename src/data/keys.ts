/** Key files: one key per training sample, as text lines, a JSON array, or little-endian integers by extension. */
import { InputError } from '../base/errors.ts';
import { dataPath, readDataFile } from './file.ts';

/**
 * Reads `.u16le` or `.u32le` (unsigned integers), `.json` (an array of texts or integers), anything else as UTF-8
 * lines. InputError `data-file-missing`, `key-file-invalid`.
 */
export async function readKeyFile(baseFolder: string, file: string, sampleCount: number): Promise<string[]> {
  const path = dataPath(baseFolder, file);
  const keys = decodeKeys(path, await readDataFile(path));
  if (keys.length !== sampleCount) {
    throw keyFileInvalid(path, `it has ${keys.length} keys, the training set has ${sampleCount} samples`);
  }
  const empty = keys.indexOf('');
  if (empty !== -1) throw keyFileInvalid(path, `key ${empty + 1} is empty`);
  return keys;
}

function decodeKeys(path: string, bytes: Uint8Array): string[] {
  if (path.endsWith('.u16le')) return decodeIntegers(path, bytes, 2);
  if (path.endsWith('.u32le')) return decodeIntegers(path, bytes, 4);
  const text = new TextDecoder().decode(bytes);
  if (path.endsWith('.json')) return decodeJson(path, text);
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

function decodeIntegers(path: string, bytes: Uint8Array, width: 2 | 4): string[] {
  if (bytes.length % width !== 0) {
    throw keyFileInvalid(path, `its ${bytes.length} bytes are not a multiple of ${width}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / width }, (_, index) =>
    String(width === 2 ? view.getUint16(2 * index, true) : view.getUint32(4 * index, true)),
  );
}

function decodeJson(path: string, text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw keyFileInvalid(path, `it is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) throw keyFileInvalid(path, 'it is not a JSON array');
  const wrong = value.findIndex((key) => typeof key !== 'string' && !Number.isInteger(key));
  if (wrong !== -1) {
    throw keyFileInvalid(
      path,
      `entry ${wrong} is ${JSON.stringify(value[wrong])}, wanted a text or an integer`,
    );
  }
  return value.map(String);
}

function keyFileInvalid(path: string, reason: string): InputError {
  return new InputError(
    'key-file-invalid',
    `${path} cannot say which silo each sample belongs to: ${reason}; it must hold one key per training sample, in file order`,
    { path, reason },
  );
}
