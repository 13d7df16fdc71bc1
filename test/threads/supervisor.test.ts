import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'

const script = fileURLToPath(new URL('./supervisor-main.js', import.meta.url))

/** Runs the script in a process of its own and tells how it ended. */
function run(...args: string[]): Promise<{ code: number | null; signal: string | null; output: string }> {
  // Without the runner's options: they are for its realm.
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, NODE_OPTIONS: '' } })
  let output = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  child.stderr.on('data', (text) => {
    output += text
  })
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })))
}

// A hundred times of each: node dist/test/threads/supervisor-main.js <mode> 100
describe('the supervisor', () => {
  test.each(['loop', 'hog', 'exit', 'throw', 'hang'])(
    '%s: the group comes back, its neighbours do not notice, the process stops by itself',
    async (mode) => {
      const { code, signal, output } = await run(mode, '3')
      expect(output).toContain(`"mode":"${mode}"`)
      expect([code, signal, output]).toEqual([0, null, expect.stringContaining('"errors":[]')])
    },
    90_000,
  )

  test('asked to stop while a commit hangs, the process ends by its own SIGKILL', async () => {
    const { signal, output } = await run('die')
    expect(output).toContain('stopping')
    expect(output).not.toContain('still here')
    expect(signal).toBe('SIGKILL')
  }, 60_000)
})
