import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from '@jest/globals'
import { freePorts } from '../../native-bench/free-ports.js'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const dir = makeWorkDir('readme')
const NODES = [1, 2, 3]
const LONGEST_EXAMPLE = 20
const children: ChildProcess[] = []

function block(name: string): string {
  const match = new RegExp(`^\`\`\`js ${name.replace('.', '\\.')}\n(.*?)^\`\`\`$`, 'ms').exec(readme)
  if (match === null) throw new Error(`README.md has no block ${name}`)
  return match[1]!
}

function runApp(nodeId: number) {
  const env = { ...process.env, PAXOS_SECRET: 'secret of this test' }
  const child = spawn(process.execPath, ['app.mjs', String(nodeId)], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const said = new Promise<number[]>((resolve) => {
    // Lines of the log may come in between.
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const match = /^this was visit (\d), and now there are (\d)$/.exec(line)
      if (match !== null) resolve([Number(match[1]), Number(match[2])])
    })
  })
  return { child, said, exited: once(child, 'exit') }
}

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  removeWorkDir(dir)
})

describe('README.md', () => {
  test('its example runs as it stands there, on three nodes', async () => {
    const ports = await freePorts(NODES.length)
    // The ports of the text may be in use on this machine; nothing else is changed.
    const app = NODES.reduce(
      (text, nodeId, i) => text.replace(`127.0.0.1:740${nodeId}`, `127.0.0.1:${ports[i]}`),
      block('app.mjs'),
    )
    writeFileSync(join(dir, 'app.mjs'), app)
    writeFileSync(join(dir, 'counter.mjs'), block('counter.mjs'))
    mkdirSync(join(dir, 'node_modules'))
    symlinkSync(root, join(dir, 'node_modules/shardpaxos'))
    const running = NODES.map(runApp)
    const numbers = await Promise.all(running.map(({ said }) => said))
    expect(numbers.map(([visit]) => visit).sort()).toEqual(NODES)
    for (const [visit, seen] of numbers) expect(seen).toBeGreaterThanOrEqual(visit!)
    for (const { child } of running) child.kill('SIGTERM')
    expect(await Promise.all(running.map(({ exited }) => exited))).toEqual(NODES.map(() => [0, null]))
  })

  test('its example of a thread with a port runs too', async () => {
    const [port] = await freePorts(1)
    const app = block('app.mjs').replace(/nodes: \{.*\},/, `nodes: { 1: '127.0.0.1:${port}' },`)
    writeFileSync(join(dir, 'threads.mjs'), app.replace('./data/', './data-threads/') + block('in-app.mjs'))
    writeFileSync(join(dir, 'caller.mjs'), block('caller.mjs'))
    const env = { ...process.env, PAXOS_SECRET: 'secret of this test' }
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const child = spawn(process.execPath, ['threads.mjs', '1'], { cwd: dir, env, stdio: [...stdio] })
    children.push(child)
    const exited = once(child, 'exit')
    const said = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line.startsWith('this thread')) resolve(line)
      })
    })
    expect(await said).toBe('this thread was visit 2')
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })

  test('the example is short', () => {
    expect(block('app.mjs').trimEnd().split('\n').length).toBeLessThanOrEqual(LONGEST_EXAMPLE)
  })

  test('the quick start is two commands, and both are scripts of the package', () => {
    const commands = [...readme.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, text]) => text)
    expect(commands).toEqual(['npm ci && npm start', 'npm ci && npm test'])
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    for (const [, name] of readme.matchAll(/`npm run ([\w:]+)`/g)) expect(scripts).toHaveProperty([name!])
  })

  test('what it links to is there', () => {
    for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g))
      expect(() => readFileSync(join(root, path!))).not.toThrow()
  })
})
