import { expect, test } from '@jest/globals'
import { runPair } from './ring-pair.js'

/** RING_PARKS sets the number of parks, for a long run: 10000000 takes some minutes. */
const parks = Number(process.env.RING_PARKS ?? 1_000_000)

test('10 million records of random sizes arrive whole and in order, across the wrap of the positions', async () => {
  const records = 10_000_000
  const [producer, consumer] = await runPair({
    scenario: 'stream',
    count: records,
    ringBytes: 16 * 1024,
    // At least 8 bytes a record: the wrap comes within the first of the ten million.
    startPosition: 2 ** 32 - 8 * 1_000_000,
  })
  expect(producer.waits).toBeGreaterThan(0)
  expect(consumer.bytes).toBeGreaterThan(records * 16)
}, 300_000)

test('a ring that holds few records, always full or empty', async () => {
  const [producer, consumer] = await runPair({ scenario: 'stream', count: 300_000, ringBytes: 256, seed: 2 })
  expect((producer.waits as number) + (consumer.parks as number)).toBeGreaterThan(1000)
}, 300_000)

test(`no wake-up is lost in ${parks} parks`, async () => {
  const sides = await runPair({ scenario: 'ping-pong', count: parks, ringBytes: 256 })
  const sum = (name: string): number => sides.reduce((total, side) => total + (side[name] as number), 0)
  expect(sum('timed-out')).toBe(0)
  expect(sum('ready') + sum('woken')).toBeGreaterThanOrEqual(parks / 2)
  // Both ways out of a park must have been taken for the run to mean anything.
  expect(sum('woken')).toBeGreaterThan(parks / 20)
  expect(sum('ready')).toBeGreaterThan(0)
}, 3_600_000)

test('after three seconds of a full ring and a slow consumer, throughput is back', async () => {
  const [producer, consumer] = await runPair({ scenario: 'overload', count: 2_000_000, ringBytes: 64 * 1024 })
  expect(consumer.fullSeen).toBeGreaterThan((consumer.slow as number) / 2)
  expect(producer.waits).toBeGreaterThan(0)
  // A quarter: the slices share two cores with whatever else runs. A ring that does not recover gives a hundredth.
  expect(consumer.after).toBeGreaterThan((consumer.before as number) / 4)
}, 120_000)

test('a host that does not block loses no wake-up and no space, and neither does its worker', async () => {
  const [host, worker] = await runPair({ scenario: 'host', count: 2_000_000, ringBytes: 1024 })
  expect(host.waits).toBeGreaterThan(100)
  expect(host.blocked).toBeGreaterThan(1000)
  expect(host.readyAfterAll).toBeGreaterThan(100)
  expect(worker.parks).toBeGreaterThan(100)
}, 300_000)

test('no commit is under way once the supervisor has condemned', async () => {
  const [worker, supervisor] = await runPair({ scenario: 'gate', count: 20_000, ringBytes: 256 })
  expect(worker.commits).toBeGreaterThan(20_000)
  expect(supervisor.refused).toBeGreaterThan(100)
}, 120_000)

test('no due bit is lost while they are set and taken', async () => {
  const [host, worker] = await runPair({ scenario: 'due', count: 300_000, ringBytes: 256 })
  expect(worker.taken).toBe(host.fresh)
  expect(worker.taken).toBeGreaterThanOrEqual(300_000)
}, 120_000)
