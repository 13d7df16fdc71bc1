import { expect, test } from '@jest/globals'
import { Locks } from './locks.js'

/** A body that says when it begins, and ends when it is told to. */
function body(log: string[], name: string) {
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const run = async (): Promise<void> => {
    log.push(name)
    await ended
  }
  return { run, end }
}

/** All that can go on without a timer has gone on. */
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('whoever holds one of the names keeps the others out, and they follow in order', async () => {
  const locks = new Locks()
  const log: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => body(log, name))
  const all = [locks.hold([2], a!.run), locks.hold([3, 1, 2], b!.run), locks.hold([3], c!.run), locks.hold([1], d!.run)]
  await idle()
  // `b` holds 1 and waits for 2; 3 is free until it gets there.
  expect(log).toEqual(['a', 'c'])
  a!.end()
  c!.end()
  await idle()
  expect(log).toEqual(['a', 'c', 'b'])
  b!.end()
  await idle()
  expect(log).toEqual(['a', 'c', 'b', 'd'])
  d!.end()
  await Promise.all(all)
})

test('a body that fails lets the next one in', async () => {
  const locks = new Locks()
  const failed = locks.hold([1], () => Promise.reject(new Error('no')))
  await expect(failed).rejects.toThrow('no')
  expect(await locks.hold([1], () => Promise.resolve('in'))).toBe('in')
})
