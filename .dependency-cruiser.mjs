/**
 * Which folder of src/ may import which: the DAG of ARCHITECTURE.md, as data and as dependency-cruiser's rules.
 * scripts/check-imports.mjs runs them and proves that each of them fires.
 */

/** folder (or file at the root of src/) → the folders it may import. Lower lines may import upper ones only. */
export const mayImport = {
  base: [],
  params: ['base'],
  identity: ['base'],
  topology: ['base'],
  data: ['base'],
  record: ['base'],
  faults: ['base'],
  compress: ['base', 'params'],
  exchange: ['base', 'params', 'topology', 'compress'],
  wire: ['base', 'params', 'topology', 'compress', 'exchange'],
  storage: ['base', 'params', 'wire'],
  train: ['base', 'params', 'data', 'wire'],
  transport: ['base', 'params', 'data', 'wire', 'identity', 'faults'],
  experiment: ['base', 'identity', 'topology', 'data', 'compress', 'exchange', 'train', 'faults'],
  report: ['base', 'record'],
  sweep: ['base', 'record', 'report', 'storage'],
  peer: ['base', 'params', 'topology', 'compress', 'exchange', 'wire', 'record', 'experiment'],
};
const core = Object.keys(mayImport).filter((folder) => folder !== 'report' && folder !== 'sweep');
mayImport.node = core;
mayImport.simulate = core.filter((folder) => folder !== 'identity');
mayImport.swarm = [...core, 'node'];
mayImport['compose.ts'] = [...core, 'node', 'simulate', 'swarm', 'report'];
mayImport['compose-simulation.ts'] = [...core, 'simulate', 'report', 'compose.ts'];
mayImport['compose-silo.ts'] = [...core, 'node', 'compose.ts'];
mayImport.cli = [
  'base',
  'identity',
  'topology',
  'data',
  'record',
  'experiment',
  'report',
  'params',
  'train',
  'storage',
  'faults',
  'node',
  'simulate',
  'swarm',
  'sweep',
  'compose.ts',
  'compose-silo.ts',
  'compose-simulation.ts',
];
mayImport['main.ts'] = ['base', 'cli'];

/** @param {string} folder @returns {string} the pattern of its files */
const files = (folder) =>
  folder.endsWith('.ts') ? `^src/${folder.replace('.', '\\.')}$` : `^src/${folder}/`;

const dag = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `dag-${folder}`,
  severity: 'error',
  comment: `src/${folder} may import ${allowed.join(', ') || 'no other folder'}`,
  from: { path: files(folder) },
  to: { path: '^src/', pathNot: [folder, ...allowed].map(files) },
}));

const LIBP2P = '(^|node_modules/)(libp2p|@libp2p|@chainsafe|@multiformats)(/|$)';

/** What the DAG of folders cannot say. */
const others = [
  {
    name: 'known-folders-only',
    comment: 'a new folder of src/ takes its place in the DAG first',
    from: { path: '^src/', pathNot: Object.keys(mayImport).map(files) },
    to: {},
  },
  { name: 'no-cycles', comment: 'types included', from: {}, to: { circular: true } },
  { name: 'resolvable', comment: 'an import that leads nowhere', from: {}, to: { couldNotResolve: true } },
  {
    name: 'tfjs-in-train-only',
    from: { path: '^src/', pathNot: '^src/train/' },
    to: { path: '(^|/)@tensorflow/' },
  },
  {
    name: 'libp2p-in-transport-only',
    from: { path: '^src/', pathNot: '^src/transport/libp2p/' },
    to: { path: LIBP2P },
  },
  {
    name: 'libp2p-transport-named-by-compose-only',
    from: { path: '^src/', pathNot: '^src/(transport/libp2p/|compose(-silo)?\\.ts$)' },
    to: { path: '^src/transport/libp2p/' },
  },
  {
    name: 'simulating-never-loads-libp2p',
    from: { path: '^src/simulate/' },
    to: { path: '^src/transport/libp2p/', reachable: true },
  },
  { name: 'src-stands-alone', from: { path: '^src/' }, to: { path: '^(scripts|test|docs)/' } },
  {
    name: 'no-development-package-in-src',
    from: { path: '^src/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['npm', 'type-only'] },
  },
].map((rule) => ({ severity: 'error', ...rule }));

export default {
  forbidden: [...dag, ...others],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
