import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'
import { type SystemCall, straceMissing } from '../store/support/system-calls.js'
import {
  alteredDist,
  type Change,
  COMMIT_IN_A_LATER_ROUND,
  DIST,
  PERSISTED_BEFORE_COMMIT,
  UNFLUSHED,
} from './order-altered.js'
import { judgeOrder, type OrderVerdict, type Vow } from './order-judge.js'
import { NODES, recordRun } from './order-recording.js'

const missing = straceMissing()
if (missing !== undefined) console.log(`the order of flushes and sends is not tested: ${missing}`)
const testIfTraced = missing === undefined ? test : test.skip

jest.setTimeout(120_000)

let directory: string
beforeAll(() => {
  directory = makeWorkDir('order')
})
afterAll(() => removeWorkDir(directory))

function scratch(name: string): string {
  const path = join(directory, name)
  mkdirSync(path)
  return path
}

function judge(run: readonly SystemCall[][]): OrderVerdict {
  const verdicts = run.map((calls) => judgeOrder(calls, NODES.length))
  const sum = (of: (verdict: OrderVerdict) => number) => verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const count = (kind: Vow) => sum(({ checked }) => checked[kind])
  return {
    checked: {
      prepare: count('prepare'),
      promise: count('promise'),
      accepted: count('accepted'),
      chosen: count('chosen'),
    },
    violations: verdicts.flatMap(({ violations }) => violations),
    commits: sum(({ commits }) => commits),
    heard: sum(({ heard }) => heard),
  }
}

function altered(name: string, changes: readonly Change[]): Promise<SystemCall[][]> {
  const place = scratch(name)
  return recordRun(alteredDist(place, changes), place, 3_000)
}

testIfTraced('no PREPARE, PROMISE or ACCEPTED leaves a node before the commit that holds it has returned', async () => {
  const run = await recordRun(DIST, scratch('real'))
  const { checked, violations, commits, heard } = judge(run)
  expect(violations).toEqual([])
  // An election in each of two groups, and another where the leader was killed, each with a promise of another node.
  expect(checked.prepare).toBeGreaterThanOrEqual(3)
  expect(checked.promise).toBeGreaterThanOrEqual(3)
  expect(checked.accepted).toBeGreaterThanOrEqual(20)
  expect(commits).toBeGreaterThanOrEqual(20)
  if (heard > 0) expect(checked.chosen).toBeGreaterThanOrEqual(10)

  // The judge does not take less for a commit.
  const without = (drop: (call: SystemCall) => boolean) =>
    judge(run.map((calls) => calls.filter((call) => !drop(call))))
  expect(without(({ name }) => name === 'fdatasync').violations.length).toBeGreaterThan(0)
  expect(without(({ args, name }) => name === 'openat' && /O_D?SYNC/.test(args)).violations.length).toBeGreaterThan(0)
})

testIfTraced('the harness catches a round that tells the core `persisted` before its commit', async () => {
  const { violations } = judge(await altered('early', PERSISTED_BEFORE_COMMIT))
  expect(violations.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['prepare', 'promise', 'accepted']))
})

testIfTraced('the harness catches a leader that counts itself before its commit', async () => {
  const { violations, heard } = judge(await altered('late', COMMIT_IN_A_LATER_ROUND))
  expect(violations.map(({ kind }) => kind)).toContain(heard > 0 ? 'chosen' : 'accepted')
})

testIfTraced('the harness catches a store that does not flush', async () => {
  const { checked, violations } = judge(await altered('unflushed', UNFLUSHED))
  expect(violations.length).toBeGreaterThan(checked.accepted / 2)
})
