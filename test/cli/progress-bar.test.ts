import { afterEach, expect, test } from '@jest/globals'
import { ProgressBar } from '../../src/cli/progress-bar.js'

const { stderr } = process
const { write, isTTY } = stderr
afterEach(() => {
  Object.assign(stderr, { write, isTTY })
})

function written(isTerminal: boolean, use: (bar: ProgressBar) => void): string {
  let text = ''
  Object.assign(stderr, {
    isTTY: isTerminal,
    write: (chunk: string) => {
      text += chunk
      return true
    },
  })
  use(new ProgressBar(2_000_000))
  return text
}

test('draws how far it is over the same line, and takes that away at the end', () => {
  const text = written(true, (bar) => {
    bar.add(500_000, 'store 0')
    // Too soon to be drawn again.
    bar.add(1)
    bar.clear()
    bar.clear()
  })
  const bar = '#'.repeat(8) + '.'.repeat(22)
  expect(text).toBe(`\r\x1b[K[${bar}] 25 %  500 KB of 2.0 MB  store 0\r\x1b[K`)
})

test('is never longer than its line, and silent where there is no terminal', () => {
  expect(written(true, (bar) => bar.add(9_000_000, 'x'))).toContain(`[${'#'.repeat(30)}] 100 %`)
  const silent = written(false, (bar) => {
    bar.add(500_000, 'store 0')
    bar.clear()
  })
  expect(silent).toBe('')
})
