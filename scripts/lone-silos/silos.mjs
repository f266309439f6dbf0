/** Lone silos on this machine, as their operators would set them up: keys, a signed membership, a silo file and a free port each. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createIdentity, MEMBERSHIP_FORMAT, signMembership } from '../../dist/identity/index.js';

/**
 * @param {string} folder that is empty
 * @param {object} experiment as its file has it; each silo trains on all samples of its data set
 * @returns {Promise<{name: string, file: string, runFolder: string}[]>} by index in the membership
 */
export async function makeSilos(folder, experiment) {
  const names = Array.from({ length: experiment.data.silos }, (_, index) => `silo-${index}`);
  mkdirSync(join(folder, 'keys'), { recursive: true });
  const key = (name) => join(folder, 'keys', `${name}.pem`);
  const operator = await createIdentity(key('operator'));
  const ports = await freePorts(names.length);
  const members = [];
  for (const [index, name] of names.entries()) {
    const { peerId } = await createIdentity(key(name));
    members.push({ name, peerId, addresses: [`/ip4/127.0.0.1/tcp/${ports[index]}`] });
  }
  const draft = { format: MEMBERSHIP_FORMAT, experiment: experiment.name, sequence: 1, members };
  write(join(folder, 'members.json'), signMembership(draft, operator));
  write(join(folder, 'experiment.json'), experiment);
  return members.map(({ name, addresses }) => {
    const silo = {
      name,
      experiment: 'experiment.json',
      key: `keys/${name}.pem`,
      members: 'members.json',
      operator: operator.peerId,
      listen: addresses,
      data: { dataset: experiment.data.dataset, testShare: 0.2 },
      runFolder: `runs/${name}`,
    };
    const file = join(folder, `${name}.json`);
    write(file, silo);
    return { name, file, runFolder: join(folder, silo.runFolder) };
  });
}

function write(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Free now, all at once, so that they differ. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
