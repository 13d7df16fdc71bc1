// node dist/test/torture/planted-main.js [--minutes 3] [--seed N]: a torture that finds nothing proves nothing

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'
import { alteredDist, type Change, COMMIT_IN_A_LATER_ROUND } from '../cluster/order-altered.js'
import { torture } from './torture.js'

const PLANTED: readonly { readonly name: string; readonly changes: readonly Change[] }[] = [
  { name: 'votes and answers before the commit', changes: COMMIT_IN_A_LATER_ROUND },
  {
    name: 'a quorum read that does not wait for its point',
    changes: [{ file: 'src/core/reads.js', from: 'round.point = Math.max(round.point, point);', to: '' }],
  },
  {
    name: 'a run that is chosen twice is executed twice',
    changes: [
      {
        file: 'src/core/sessions.js',
        from: 'if (run.sequence < session.floor || session.done.has(run.sequence))\n            return',
        to: 'if (false)\n            return',
      },
    ],
  },
  {
    name: 'not applied, said of a command that may be',
    changes: [
      {
        file: 'src/host/calls.js',
        from: "errorFor(pending.first > 0 ? 'unknown' : 'not-applied')",
        to: "errorFor('not-applied')",
      },
    ],
  },
  {
    name: 'the promise is forgotten at a restart',
    changes: [{ file: 'src/core/group-state.js', from: 'this.promised = head.promised;', to: 'this.promised = 0;' }],
  },
  {
    name: 'a failed flush passes for a good one',
    changes: [
      {
        file: 'src/worker/hosted-store.js',
        from: 'this.fail(error, now);\n            return false;',
        to: 'return true;',
      },
    ],
  },
]

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

let missed = 0
for (const { name, changes } of PLANTED) {
  if (values.only !== undefined && !name.includes(values.only)) continue
  const place = makeWorkDir('planted')
  try {
    const { minutes, problems, kept } = await torture({
      minutes: Number(values.minutes),
      seed: Number(values.seed),
      nodes: 3,
      groups: 2,
      clients: 24,
      rate: 400,
      roundMs: 15_000,
      untilProblem: true,
      main: join(alteredDist(place, changes), 'examples/kv/main.js'),
      log: () => undefined,
    })
    if (problems.length === 0) missed++
    console.log(`${problems.length > 0 ? 'caught' : 'MISSED'} after ${Math.round(minutes * 60)} s: ${name}`)
    if (problems.length > 0) console.log(`  ${problems[0]!.split('\n').slice(0, 3).join('\n  ').slice(0, 600)}`)
    if (kept !== undefined) removeWorkDir(kept)
  } finally {
    removeWorkDir(place)
  }
}
process.exitCode = missed === 0 ? 0 : 1
