// The read-only gate. Every part runs even when another fails, so that one run shows everything there is to mend.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name) => join(root, 'node_modules/.bin', name)
const parts = [
  ['types', bin('tsc'), ['-p', '.', '--noEmit']],
  ['types of the core, without Node', bin('tsc'), ['-p', 'src/core', '--noEmit']],
  ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['boundaries', process.execPath, ['.ci/boundaries.mjs']],
  ['dead exports', bin('knip'), ['--no-progress']],
]

function run([name, command, args]) {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => (output += `${error.message}\n`))
    child.on('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
      if (code !== 0) console.log(output.trimEnd())
      resolve(code === 0)
    })
  })
}

const results = []
for (const part of parts) results.push(await run(part))
process.exitCode = results.every(Boolean) ? 0 : 1
