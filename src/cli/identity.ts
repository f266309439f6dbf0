/** `grapevine identity create|show`: a silo's or an operator's key. */
import type { Command } from 'commander';
import type { Host } from './host.ts';

const EXAMPLES = `
Examples:
  grapevine identity create keys/silo.pem     make a key; its peer id goes to your operator
  grapevine identity show keys/silo.pem       print its peer id again

The key never leaves the file, which only you can read. Whoever has the file is your silo.`;

export function declareIdentity(program: Command, host: Host): void {
  const identity = program
    .command('identity')
    .description('make and show keys')
    .addHelpText('after', EXAMPLES);
  identity
    .command('create')
    .description('make a new Ed25519 key, readable only by you; never overwrites one')
    .argument('<file>', 'where to write the key (PKCS#8 PEM)')
    .action(
      host.run(async (session, [path = '']) => {
        const { createIdentity } = await import('../identity/index.ts');
        const { peerId } = await createIdentity(path);
        session.answer({ path, peerId }, `${path}: a new key, mode 600\npeer id: ${peerId}`);
        return undefined;
      }),
    );
  identity
    .command('show')
    .description('print the peer id of a key')
    .argument('<file>', 'the key')
    .action(
      host.run(async (session, [path = '']) => {
        const { loadIdentity } = await import('../identity/index.ts');
        const { peerId } = await loadIdentity(path);
        session.answer({ path, peerId }, peerId);
        return undefined;
      }),
    );
}
