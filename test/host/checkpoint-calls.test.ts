import { beforeEach, expect, test } from '@jest/globals'
import { CheckpointCalls } from '../../src/host/checkpoint-calls.js'
import { PaxosError } from '../../src/host/paxos-error.js'

let sent: number[]
let calls: CheckpointCalls
const failure = new PaxosError('CHECKPOINT_FAILED', 'no paper')
const turn = () => new Promise((resolve) => setImmediate(resolve))

beforeEach(() => {
  sent = []
  calls = new CheckpointCalls((asked) => sent.push(asked))
})

/** What has become of a promise so far. */
function watched(promise: Promise<unknown>): { end: unknown } {
  const watch: { end: unknown } = { end: undefined }
  promise.then(
    (value) => {
      watch.end = value
    },
    (error) => {
      watch.end = error
    },
  )
  return watch
}

test('callers of one turn share a request', async () => {
  const both = [calls.ask(), calls.ask()]
  expect(sent).toEqual([1])
  calls.made(7, 1)
  expect(await Promise.all(both)).toEqual([{ instance: 7 }, { instance: 7 }])
})

test('whoever comes while one is under way shares the next one, which is asked for when that has ended', async () => {
  const first = watched(calls.ask())
  await turn()
  const [second, third] = [watched(calls.ask()), watched(calls.ask())]
  expect(sent).toEqual([1])
  calls.made(7, 1)
  await turn()
  expect([first.end, second.end]).toEqual([{ instance: 7 }, undefined])
  expect(sent).toEqual([1, 2])
  calls.made(9, 2)
  await turn()
  expect([second.end, third.end]).toEqual([{ instance: 9 }, { instance: 9 }])
})

test('a checkpoint that nobody asked for, or that was asked for before, answers nobody', async () => {
  const first = watched(calls.ask())
  calls.made(5, 0)
  calls.failed(0, failure)
  await turn()
  expect(first.end).toBeUndefined()
  calls.made(7, 1)
  await turn()
  const second = watched(calls.ask())
  calls.made(7, 1)
  await turn()
  expect(second.end).toBeUndefined()
  calls.made(8, 2)
  await turn()
  expect(second.end).toEqual({ instance: 8 })
})

test('a failure ends those who asked for it, and the others go on', async () => {
  const first = watched(calls.ask())
  await turn()
  const second = watched(calls.ask())
  calls.failed(1, failure)
  await turn()
  expect(first.end).toBe(failure)
  expect(second.end).toBeUndefined()
  expect(sent).toEqual([1, 2])
})

test('one that came too late is asked for again, under the same number', async () => {
  const first = watched(calls.ask())
  calls.again(1)
  expect(sent).toEqual([1, 1])
  calls.made(7, 1)
  await turn()
  expect(first.end).toEqual({ instance: 7 })
  calls.again(1)
  expect(sent).toEqual([1, 1])
})

test('an end of the worker is the end of all, and the next life is asked anew', async () => {
  const first = watched(calls.ask())
  await turn()
  const second = watched(calls.ask())
  calls.endAll(failure)
  await turn()
  expect([first.end, second.end]).toEqual([failure, failure])
  const third = watched(calls.ask())
  expect(sent).toEqual([1, 3])
  calls.made(7, 2)
  await turn()
  expect(third.end).toBeUndefined()
})
