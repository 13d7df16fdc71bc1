// Small trees with one fault each. The boundary check must report every one, at each run; `expect: null` must stay clean.
const one = (path, text, expect) => ({ files: { [path]: text }, expect })
const two = (path, text, other, expect) => ({
  files: { [path]: text, [other]: 'export type T = 1\nexport const v = 1\n' },
  expect,
})

export const plants = [
  two('src/base/a.ts', "import { v } from '../core/b.js'\n", 'src/core/b.ts', 'src/base may not import src/core'),
  two('src/base/a.ts', "import type { T } from '../core/b.js'\n", 'src/core/b.ts', 'src/base may not import src/core'),
  two('src/core/a.ts', "export * from '../store/b.js'\n", 'src/store/b.ts', 'src/core may not import src/store'),
  two('src/net/a.ts', "type X = import('../core/b.js').T\n", 'src/core/b.ts', 'src/net may not import src/core'),
  two('src/ring/a.ts', "await import('../codec/b.js')\n", 'src/codec/b.ts', 'src/ring may not import src/codec'),
  two('src/host/a.ts', "import { v } from '../store/b.js'\n", 'src/store/b.ts', 'src/host may not import src/store'),
  two(
    'src/host/a.ts',
    "import { v } from '../state-machine/b.js'\n",
    'src/state-machine/b.ts',
    'only types of src/state-machine',
  ),
  two('src/host/a.ts', "import { type T } from '../state-machine/b.js'\n", 'src/state-machine/b.ts', null),
  two(
    'examples/kv/main.ts',
    "import { v } from '../../src/host/b.js'\n",
    'src/host/b.ts',
    'examples may not import src/host',
  ),
  two('examples/kv/main.ts', "import { v } from '../../src/index.js'\n", 'src/index.ts', null),
  one('src/codec/a.ts', "import './gone.js'\n", 'which is no source file'),
  one('src/other/a.ts', 'export {}\n', 'lies in no folder of the table'),
  one('src/worker/a.ts', "import { open } from 'lmdb'\n", 'src/worker may not import the package lmdb'),
  one('src/store/a.ts', "import { encode } from 'cbor-x/encode'\n", 'src/store may not import the package cbor-x'),
  one(
    'src/worker/a.ts',
    "const require = f()\nrequire('uWebSockets.js')\n",
    'may not import the package uWebSockets.js',
  ),
  one('src/core/a.ts', "import { join } from 'node:path'\n", 'src/core may not import node:path'),
  one('src/store/a.ts', "import { join } from 'path'\n", 'write node:path'),
  one('src/worker/a.ts', "import { Worker } from 'node:worker_threads'\n", 'may not import node:worker_threads'),
  one('src/store/a.ts', 'export const now = () => Date.now()\n', 'src/store may not use Date'),
  one('src/worker/round.ts', 'export const now = () => performance.now()\n', 'src/worker may not use performance'),
  one('src/worker/clock.ts', 'export const now = () => performance.now()\n', null),
  one('src/worker/a.ts', 'setTimeout(() => {}, 1)\n', 'src/worker may not use setTimeout'),
  one('src/worker/a.ts', 'Atomics.wait(x, 0, 0)\n', 'src/worker may not use Atomics'),
  one('src/host/a.ts', 'export const b = new SharedArrayBuffer(8)\n', 'src/host may not use new SharedArrayBuffer'),
  one(
    'src/host/a.ts',
    'export const f = (b: SharedArrayBuffer) => b\nexport interface Performance { Date: Date }\n',
    null,
  ),
  one('src/core/a.ts', 'export const b = Buffer.alloc(1)\n', 'src/core may not use Buffer'),
  one('src/core/a.ts', 'export const r = Math.random()\n', 'src/core may not use Math.random'),
  one('src/core/a.ts', 'export const f = (u: string) => import(u)\n', 'may not load modules at run time'),
  one('src/host/a.ts', `${'// line\n'.repeat(401)}`, 'has 401 lines'),
  one('workers/a.ts', `${'// line\n'.repeat(61)}`, 'has 61 lines'),
  one('src/host/a.ts', `export function long() {\n${'// line\n'.repeat(70)}}\n`, 'long has 72 lines'),
]
