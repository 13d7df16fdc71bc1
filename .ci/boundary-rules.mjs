// The folder table: who may import whom, and who alone may use what. The longest matching folder decides.
//   imports    folders that may be imported besides itself; '*' is any
//   typesOnly  folders of which only types may be imported
//   packages   npm packages that may be imported; '*' is any
//   node       node: modules that may be imported; '*' is any but those of `ownedModules`
const everything = { imports: '*', packages: '*', node: '*' }

export const folders = {
  'src/base': { imports: [], packages: [], node: [] },
  'src/core': { imports: ['src/base'], packages: [], node: [] },
  'src/codec': { imports: ['src/core', 'src/base'], packages: ['cbor-x'], node: '*' },
  'src/ring': { imports: ['src/base'], packages: [], node: '*' },
  'src/store': {
    imports: ['src/core', 'src/codec', 'src/base', 'src/store/set-aside.ts', 'src/store/lmdb-file-check.ts'],
    packages: ['lmdb'],
    node: '*',
  },
  // The identity of the data directory, settled by the host before any worker starts; none of these touches LMDB.
  'src/store/manifest.ts': {
    imports: ['src/store', 'src/store/data-layout.ts', 'src/codec', 'src/core', 'src/base'],
    packages: [],
    node: '*',
  },
  'src/store/data-layout.ts': { imports: ['src/store', 'src/base'], packages: [], node: '*' },
  'src/store/data-dir-lock.ts': {
    imports: ['src/store', 'src/store/data-layout.ts', 'src/base'],
    packages: [],
    node: '*',
  },
  'src/store/last-life.ts': { imports: ['src/store/data-layout.ts'], packages: [], node: '*' },
  'src/store/set-aside.ts': {
    imports: ['src/store', 'src/store/data-layout.ts', 'src/store/data-dir-lock.ts'],
    packages: [],
    node: '*',
  },
  'src/store/lmdb-file-check.ts': { imports: ['src/store', 'src/codec'], packages: [], node: '*' },
  'src/state-machine': { imports: ['src/core', 'src/base'], packages: [], node: '*' },
  'src/net': { imports: ['src/codec', 'src/base'], packages: ['uWebSockets.js', 'ws'], node: '*' },
  'src/worker': {
    imports: ['src/core', 'src/codec', 'src/ring', 'src/store', 'src/state-machine', 'src/base'],
    packages: [],
    node: '*',
  },
  'src/host': {
    imports: [
      'src/codec',
      'src/ring',
      'src/net',
      'src/core',
      'src/base',
      'src/store/manifest.ts',
      'src/store/data-layout.ts',
      'src/store/data-dir-lock.ts',
      'src/store/set-aside.ts',
      'src/store/last-life.ts',
      'src/store/lmdb-file-check.ts',
    ],
    typesOnly: ['src/state-machine'],
    packages: ['piscina', 'pino', 'zod'],
    node: '*',
  },
  // Its tools read, beside a node or without one, what the store has written: never through a node.
  'src/cli': {
    imports: [
      'src/index.ts',
      'src/store',
      'src/store/manifest.ts',
      'src/store/data-layout.ts',
      'src/store/lmdb-file-check.ts',
      'src/store/data-dir-lock.ts',
      'src/codec',
      'src/core',
      'src/base',
    ],
    packages: ['commander'],
    node: '*',
  },
  // What runs in the application's own threads: the calls of the host. A test proves that nothing native, no socket and none
  // of the host's packages is loaded with it.
  'src/port': { imports: ['src/host', 'src/codec', 'src/ring', 'src/base'], packages: [], node: '*' },
  'src/index.ts': { imports: ['src/host', 'src/state-machine'], packages: [], node: [] },
  workers: { imports: '*', packages: [], node: '*' },
  'native-bench': {
    // The example is what is held against others: its bytes are made there.
    imports: [
      ...['src/index.ts', 'src/port', 'src/ring', 'src/store', 'src/net', 'src/codec', 'src/core', 'src/base'],
      'examples',
    ],
    packages: '*',
    node: '*',
  },
  examples: { imports: ['src/index.ts', 'src/port'], packages: ['uWebSockets.js'], node: '*' },
  test: everything,
}

// Whoever is not free of these rules by the table above may import such a module only where it is named here.
export const ownedModules = {
  'node:worker_threads': ['workers', 'src/port', 'src/host/paxos-node.ts', 'native-bench', 'test'],
  'node:net': ['src/net', 'native-bench', 'test', 'examples'],
  'node:dgram': ['src/net', 'native-bench', 'test', 'examples'],
  'node:tls': ['src/net', 'native-bench', 'test', 'examples'],
  'node:http': ['src/net', 'native-bench', 'test', 'examples'],
  'node:https': ['src/net', 'native-bench', 'test', 'examples'],
  'node:timers': ['src/host', 'src/net', 'native-bench', 'test', 'examples'],
  'node:timers/promises': ['src/host', 'src/net', 'native-bench', 'test', 'examples'],
  'node:perf_hooks': ['src/host', 'native-bench', 'test', 'examples'],
}

const free = ['native-bench', 'examples', 'test', 'src/cli']
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate']

// Names of the runtime, and the only places where code may use them. A name as a type is free everywhere.
// `Atomics` and the `new` of a SharedArrayBuffer belong to the ring; buffers are handed along by others.
export const ownedNames = [
  { names: ['Date', 'process.uptime'], places: ['src/host', ...free] },
  { names: ['process.hrtime'], places: ['src/host', 'src/ring/machine-clock.ts', ...free] },
  { names: ['performance'], places: ['src/host', 'src/worker/clock.ts', 'src/ring/machine-clock.ts', ...free] },
  { names: timers, places: ['src/host', 'src/net', ...free] },
  { names: ['Atomics', 'new SharedArrayBuffer'], places: ['src/ring', ...free] },
  { names: ['Math.random'], places: ['src/host', 'src/net', ...free] },
  {
    names: ['process', 'Buffer', 'console', 'globalThis', 'global', 'require', 'fetch', 'queueMicrotask'],
    places: ['src', 'workers', ...free],
    except: ['src/base', 'src/core'],
  },
]

// Lines; the first folder that matches decides.
export const fileLines = [
  ['workers', 60],
  ['src', 400],
]
export const functionLines = { folders: ['src', 'workers'], limit: 70 }
