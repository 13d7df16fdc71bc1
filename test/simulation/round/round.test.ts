import { expect, test } from '@jest/globals'
import { runInTree } from './tree.js'

function expectHolds(...args: readonly string[]): void {
  const { status, stdout, stderr } = runInTree(args, [], 'pipe')
  if (status !== 0) throw new Error(`${stdout.slice(-20_000)}${stderr}`)
}

test('every rule holds in whole clusters of workers, whatever happens to their disks, threads and links', () => {
  expectHolds('--seeds', '25', '--rounds', '1500')
})

test('a seed replays exactly', () => {
  const totals = () =>
    runInTree(['--seed', '3', '--rounds', '1500'], [], 'pipe').stdout.replace(/ in [\d.]+ s: \d+ steps\/s/, '')
  const first = totals()
  expect(first).toContain('0 failed')
  expect(totals()).toBe(first)
})
