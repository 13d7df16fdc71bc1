// Holds boundary-rules.mjs against the sources. Usage: boundaries.mjs [--root folder]
//
// A checker that looks at nothing finds nothing wrong, so two proofs come with each run: the compiler must see exactly the files
// that were checked, and every violation planted in a temporary folder must be reported.
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'
import { fileLines, folders, functionLines, ownedModules, ownedNames } from './boundary-rules.mjs'
import { plants } from './planted-violations.mjs'

const self = 'shardpaxos'
const builtins = new Set(builtinModules.filter((name) => !name.startsWith('_')))
const within = (path, folder) => path === folder || path.startsWith(`${folder}/`)
const allows = (list, value) => list === '*' || list.includes(value)
const folderOf = (path) =>
  Object.keys(folders)
    .filter((folder) => within(path, folder))
    .sort((a, b) => b.length - a.length)[0]

function listFiles(root) {
  const found = []
  for (const top of ['src', 'workers', 'native-bench', 'examples', 'test']) {
    if (!existsSync(join(root, top))) continue
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.[cm]?tsx?$/.test(entry.name)) continue
      found.push(relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    }
  }
  return found.sort()
}

const isTypeOnly = (node, kind) =>
  node[kind] === 'type' || (node.specifiers?.length > 0 && node.specifiers.every((s) => s[kind] === 'type'))

/** Adds what one syntax node says to `facts`; answers the children that are still to be visited. */
function readNode(node, facts) {
  const imported = (source, typeOnly) => facts.imports.push({ source: source.value, typeOnly, at: node.start })
  const used = (name) => facts.names.push({ name, at: node.start })
  const literal = (argument) => argument?.type === 'Literal' && typeof argument.value === 'string'
  switch (node.type) {
    case 'ImportDeclaration':
      imported(node.source, isTypeOnly(node, 'importKind'))
      return []
    case 'ExportNamedDeclaration':
      if (!node.source) return node.declaration ? [node.declaration] : []
      imported(node.source, isTypeOnly(node, 'exportKind'))
      return []
    case 'ExportAllDeclaration':
      imported(node.source, isTypeOnly(node, 'exportKind'))
      return []
    case 'ImportExpression':
      if (literal(node.source)) imported(node.source, false)
      else facts.computed.push({ at: node.start })
      return [node.source]
    case 'TSImportType':
      imported(node.source ?? node.argument, true)
      return node.typeArguments ? [node.typeArguments] : []
    case 'TSImportEqualsDeclaration':
      if (node.moduleReference.expression) imported(node.moduleReference.expression, false)
      return []
    case 'CallExpression':
      // createRequire gives a function of any name: what looks like a loader counts as one.
      if (/require|load|import/i.test(node.callee.name ?? '') && literal(node.arguments[0])) {
        const name = node.arguments[0].value
        if (name.startsWith('.') || builtins.has(name) || Object.hasOwn(facts.packages, name))
          imported({ value: name }, false)
      }
      break
    case 'NewExpression':
      if (node.callee.type === 'Identifier') used(`new ${node.callee.name}`)
      break
    case 'MemberExpression':
      if (node.computed) break
      if (node.object.type === 'Identifier') used(`${node.object.name}.${node.property.name}`)
      return [node.object]
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
      if (!node.computed) return [node.value, ...(node.decorators ?? [])]
      break
    case 'TSTypeAnnotation':
    case 'TSTypeReference':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      facts.typeDepth.add(node)
      break
    case 'Identifier':
      used(node.name)
      break
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      facts.functions.push({ name: node.id?.name ?? 'a function', at: node.start, end: node.end })
      break
  }
  return Object.values(node)
}

function readFacts(path, text, packages) {
  const { program, errors } = parseSync(path, text)
  const facts = { imports: [], names: [], computed: [], functions: [], typeDepth: new Set(), packages }
  const visit = (value, inType) => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, inType)
      return
    }
    if (typeof value?.type !== 'string') return
    const namesBefore = facts.names.length
    const children = readNode(value, facts)
    const typeHere = inType || facts.typeDepth.has(value)
    if (inType) facts.names.length = namesBefore
    for (const child of children) visit(child, typeHere)
  }
  visit(program, false)
  return { facts, errors }
}

function checkImport(path, folder, { source, typeOnly }, known) {
  const rule = folders[folder]
  if (source.startsWith('.') || source === self) {
    const joined = source === self ? 'src/index.ts' : posix.join(posix.dirname(path), source).replace(/\.js$/, '.ts')
    if (!known.has(joined)) return `imports ${source}, which is no source file`
    const target = folderOf(joined)
    if (target === folder || allows(rule.imports, target)) return
    if (!rule.typesOnly?.includes(target)) return `${folder} may not import ${target} (${source})`
    return typeOnly ? undefined : `${folder} may import only types of ${target} (${source})`
  }
  const bare = source.replace(/^node:/, '')
  if (builtins.has(bare) || source.startsWith('node:')) {
    if (!source.startsWith('node:')) return `write node:${bare} for the module of Node`
    if (!allows(rule.node, source)) return `${folder} may not import ${source}`
    const owners = ownedModules[source]
    return owners && !owners.some((owner) => within(path, owner)) ? `${folder} may not import ${source}` : undefined
  }
  const name = source.split('/', source.startsWith('@') ? 2 : 1).join('/')
  return allows(rule.packages, name) ? undefined : `${folder} may not import the package ${name}`
}

function checkName(path, name) {
  const excepted = (rule) => rule.except?.some((folder) => within(path, folder)) ?? false
  const rule = ownedNames.find(({ names }) => names.includes(name))
  if (!rule || (rule.places.some((place) => within(path, place)) && !excepted(rule))) return
  return `${folderOf(path)} may not use ${name}`
}

function checkFile(root, path, known, packages) {
  const text = readFileSync(join(root, path), 'utf8')
  const { facts, errors } = readFacts(path, text, packages)
  const lineOf = (offset) => text.slice(0, offset).split('\n').length
  const found = []
  const report = (at, message) => message && found.push(`${path}:${lineOf(at)} ${message}`)
  for (const error of errors) report(0, `cannot be parsed: ${error.message}`)
  const folder = folderOf(path)
  if (!folder) return [`${path}:1 lies in no folder of the table`]
  for (const entry of facts.imports) report(entry.at, checkImport(path, folder, entry, known))
  for (const entry of facts.names) report(entry.at, checkName(path, entry.name))
  if (['src/base', 'src/core'].includes(folder)) {
    for (const entry of facts.computed) report(entry.at, `${folder} may not load modules at run time`)
  }
  const lines = text.trimEnd().split('\n').length
  const limit = fileLines.find(([place]) => within(path, place))?.[1] ?? Number.POSITIVE_INFINITY
  if (lines > limit) report(0, `has ${lines} lines, ${limit} at the most`)
  if (functionLines.folders.some((place) => within(path, place))) {
    for (const { name, at, end } of facts.functions) {
      const length = lineOf(end) - lineOf(at) + 1
      if (length > functionLines.limit) report(at, `${name} has ${length} lines, ${functionLines.limit} at the most`)
    }
  }
  return found
}

function checkTree(root, packages) {
  const files = listFiles(root)
  const known = new Set(files)
  return { files, found: files.flatMap((path) => checkFile(root, path, known, packages)) }
}

function compilerFiles(root) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const output = execFileSync(process.execPath, [tsc, '-p', root, '--listFilesOnly'], { encoding: 'utf8' })
  const listed = output.split('\n').filter(Boolean)
  return listed
    .map((path) => relative(root, path))
    .filter((path) => !/^(\.\.|node_modules)/.test(path))
    .sort()
}

/** Each plant is one small tree; answers those that were not reported, and clean ones that were. */
function missedPlants(packages) {
  return plants.flatMap(({ files, expect }) => {
    const root = mkdtempSync(join(realpathSync(tmpdir()), 'boundaries-'))
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), text)
      }
      const { found } = checkTree(root, packages)
      if (expect === null) return found.map((line) => `reported without cause: ${line}`)
      return found.some((line) => line.includes(expect)) ? [] : [`planted but not reported: ${expect}`]
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
}

const project = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const given = process.argv.indexOf('--root')
const root = given > 0 ? realpathSync(process.argv[given + 1]) : project
const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
const packages = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies }

const { files, found } = checkTree(root, packages)
const problems = [...found, ...missedPlants(packages)]
if (root === project) {
  const seen = compilerFiles(root)
  const difference = [...files.filter((f) => !seen.includes(f)), ...seen.filter((f) => !files.includes(f))]
  for (const path of difference)
    problems.push(`${path}: the compiler and this check disagree about whether it is a source`)
}
for (const problem of problems) console.log(problem)
console.log(`${files.length} modules, ${plants.length} plants, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
