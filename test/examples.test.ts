/**
 * The examples are policies that somebody may start with, so each is shown to fire on a real payload, or on one written
 * after GitHub's documentation where the collection of payloads has none, and to stay silent on one that is close to it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDocuments } from '../src/documents/documents.ts';
import { readFolder } from '../src/documents/folder.ts';
import { policyDocument, testedPolicyDocument } from '../src/documents/policy-document.ts';
import { riskModelDocument } from '../src/documents/risk-model-document.ts';
import { printFault } from '../src/documents/yaml.ts';
import { type Evaluation, evaluate } from '../src/domain/advisory.ts';
import { policyIdOf } from '../src/domain/ids.ts';
import type { JsonObject, JsonValue } from '../src/domain/json.ts';
import { operatorNames } from '../src/domain/operators.ts';
import { arrangePolicies, type PolicyDefinition, type PolicySet } from '../src/domain/policy.ts';
import { runCase } from '../src/domain/policy-case.ts';
import { compileRiskModel, type RiskModel, unweighed, type Weighing } from '../src/domain/risk.ts';
import { compiled, storedModelOf } from './support/documents.ts';
import { githubPayloads } from './support/github.ts';

let definitions: readonly PolicyDefinition[];
let policies: PolicySet;
let model: RiskModel;

beforeAll(async () => {
  definitions = await read('examples/policies', policyDocument);
  policies = arrangePolicies(definitions.map(compiled));
  const models = await read('examples/risk-models', riskModelDocument);
  expect(models).toHaveLength(1);
  model = compileRiskModel(storedModelOf(models[0]!));
});

async function read<Definition>(
  folder: string,
  kind: Parameters<typeof readFolder<Definition>>[1],
): Promise<readonly Definition[]> {
  const reading = await readFolder(folder, kind);
  if ('faults' in reading) throw new Error(reading.faults.map(printFault).join('\n'));
  return reading.definitions;
}

interface Said {
  readonly weighing: Weighing;
  readonly evaluation: Evaluation;
  /** Names of the policies that fired. */
  readonly fired: readonly string[];
}

async function sayOf(type: string, data: JsonValue, weighAs?: Weighing): Promise<Said> {
  const { repository, organization } = data as Record<string, JsonObject | undefined>;
  const subject = repository?.['full_name'] ?? organization?.['login'] ?? null;
  const time = '2026-01-02T03:04:05.000000Z';
  const event = {
    source: 'github-acme',
    id: '1',
    type,
    subject: subject as string | null,
    time,
    data,
  };
  const weighing = weighAs ?? (await model.weigh(event));
  const { score, level, contributions } = weighing;
  const held = contributions.filter((one) => one.held === true);
  const risk = {
    score: score === null ? null : Number(score),
    level,
    contributions: held.map(({ factor, points }) => ({ factor, points })),
  };
  const evaluation = await evaluate({ facts: { event, risk }, assessment: weighing }, policies);
  const names = new Map<string, string>(
    definitions.map(({ policy }) => [policyIdOf(policy), policy]),
  );
  return {
    weighing,
    evaluation,
    fired: evaluation.proposals
      .filter(({ basis }) => basis === 'matched')
      .map(({ policyId }) => names.get(policyId)!),
  };
}

interface Payload {
  readonly type: string;
  readonly data: JsonObject;
}

const payloads: readonly Payload[] = githubPayloads().map(({ event, body }) => {
  const data = JSON.parse(body) as JsonObject;
  const action = data['action'];
  return { type: `com.github.${event}${typeof action === 'string' ? `.${action}` : ''}`, data };
});

/** The payload number `n`, from 0, of this type in the collection. */
function real(type: string, n = 0): Payload {
  const payload = payloads.filter((one) => one.type === `com.github.${type}`)[n];
  if (payload === undefined) throw new Error(`the collection has no payload ${n} of ${type}`);
  return payload;
}

/** A payload with some members replaced, by their dotted names; `undefined` takes one away. */
function changed({ type, data }: Payload, members: Record<string, JsonValue | undefined>): Payload {
  const copy = structuredClone(data) as Record<string, unknown>;
  for (const [path, value] of Object.entries(members)) {
    const names = path.split('.');
    const last = names.pop()!;
    let object = copy;
    for (const name of names) object = (object[name] ??= {}) as Record<string, unknown>;
    if (value === undefined) delete object[last];
    else object[last] = value;
  }
  return { type, data: copy as JsonObject };
}

const repository = {
  full_name: 'example-org/service',
  name: 'service',
  private: true,
  fork: false,
  archived: false,
  default_branch: 'main',
  owner: { login: 'example-org', type: 'Organization' },
};
const sender = { login: 'octocat', type: 'User' };
const organization = { login: 'example-org' };

/** A payload after GitHub's documentation, for events of which the collection has none. */
function written(type: string, data: JsonObject): Payload {
  const action = type.split('.')[1];
  const named: JsonObject = action === undefined ? {} : { action };
  return {
    type: `com.github.${type}`,
    data: { ...named, repository, sender, organization, ...data },
  };
}

const push = (members: JsonObject) =>
  written('push', {
    ref: 'refs/heads/main',
    before: 'b',
    after: 'a',
    forced: false,
    deleted: false,
    commits: [],
    ...members,
  });
const commit = (members: JsonObject): JsonObject => ({
  added: [],
  modified: [],
  removed: [],
  ...members,
});
const ruleset = (enforcement: string): JsonObject => ({ id: 7, name: 'main', enforcement });
const secret = (members: JsonObject): JsonObject => ({
  alert: { number: 3, secret_type: 'github_token', ...members },
});
const dependency = (severity: string, scope: string): JsonObject => ({
  alert: {
    number: 4,
    dependency: { package: { name: 'lodash' }, scope },
    security_advisory: { severity, ghsa_id: 'GHSA-x' },
  },
});
const features = (status: string): JsonObject => ({
  security_and_analysis: { secret_scanning: { status } },
});
const token = (contents: string): JsonObject => ({
  personal_access_token_request: {
    id: 5,
    owner: { login: 'octocat' },
    permissions_result: { repository: { contents, metadata: 'read' } },
  },
});
const deploymentReview = (environment: string): JsonObject => ({
  workflow_run: { id: 9 },
  workflow_job_run: { environment },
  approver: { login: 'octocat' },
});

/** For each policy one payload on which it fires, and one on which it does not although it nearly would. */
const cases: Readonly<Record<string, readonly [fires: Payload, silent: Payload]>> = {
  'access-token-approved': [
    written('personal_access_token_request.approved', token('write')),
    written('personal_access_token_request.approved', token('read')),
  ],
  'app-installed-with-write-access': [
    real('installation.created'),
    changed(real('installation.created'), {
      'installation.permissions': { contents: 'read', metadata: 'read' },
    }),
  ],
  'app-permissions-extended': [
    real('installation.new_permissions_accepted'),
    changed(real('installation.new_permissions_accepted'), {
      'installation.permissions': { issues: 'write' },
    }),
  ],
  'app-reaches-all-repositories': [
    real('installation.new_permissions_accepted'),
    real('installation.created'),
  ],
  'app-readmitted': [real('installation.unsuspend'), real('installation.suspend')],
  'blocked-account-readmitted': [
    real('org_block.unblocked'),
    changed(real('org_block.unblocked'), { 'blocked_user.type': 'Bot' }),
  ],
  'branch-protection-removed': [
    real('branch_protection_rule.deleted'),
    changed(real('branch_protection_rule.deleted'), { 'rule.name': 'draft/*' }),
  ],
  'branch-protection-switched-off': [
    written('branch_protection_configuration.disabled', {}),
    changed(written('branch_protection_configuration.disabled', {}), {
      'repository.archived': true,
    }),
  ],
  'branch-protection-weakened': [
    real('branch_protection_rule.edited', 1),
    real('branch_protection_rule.edited', 0),
  ],
  'code-scanning-alert-dismissed': [
    real('code_scanning_alert.closed_by_user'),
    changed(real('code_scanning_alert.closed_by_user'), { 'alert.rule.severity': 'note' }),
  ],
  'collaborator-added': [
    real('member.added'),
    changed(real('member.added'), { 'member.login': 'example-deploy-bot' }),
  ],
  'collaborator-made-admin': [
    changed(real('member.added'), { 'changes.permission.to': 'admin' }),
    real('member.edited'),
  ],
  'default-branch-changed': [real('repository.edited', 1), real('repository.edited', 0)],
  'default-branch-deleted': [
    changed(real('delete'), { ref_type: 'branch', ref: 'master' }),
    changed(real('delete'), { ref_type: 'branch', ref: 'feature' }),
  ],
  'deploy-key-with-write-access': [
    changed(real('deploy_key.created'), { 'key.read_only': false }),
    real('deploy_key.created'),
  ],
  'force-push-to-default-branch': [
    push({ forced: true }),
    push({ forced: true, ref: 'refs/heads/feature' }),
  ],
  'organization-owner-appointed': [
    changed(real('organization.member_added'), { 'membership.role': 'admin' }),
    real('organization.member_added'),
  ],
  'organization-renamed': [
    real('organization.renamed'),
    changed(real('organization.renamed'), { 'changes.login.from': '' }),
  ],
  'private-code-forked': [changed(real('fork'), { 'repository.private': true }), real('fork')],
  'privileged-app-reach-widened': [
    real('installation_repositories.added'),
    changed(real('installation_repositories.added'), {
      'installation.permissions.administration': 'read',
    }),
  ],
  'production-deployed-by-hand': [real('deployment.created', 0), real('deployment.created', 1)],
  'production-deployment-approved': [
    written('deployment_review.approved', deploymentReview('production')),
    written('deployment_review.approved', deploymentReview('staging')),
  ],
  'public-repository-created': [
    changed(real('repository.created'), { 'repository.fork': false }),
    real('repository.created'),
  ],
  'push-protection-bypassed': [
    written('secret_scanning_alert.created', secret({ push_protection_bypassed: true })),
    written('secret_scanning_alert.created', secret({ push_protection_bypassed: null })),
  ],
  'release-by-unusual-account': [
    real('release.published'),
    changed(real('release.published'), { 'release.author.login': 'example-release-bot' }),
  ],
  'release-deleted': [
    real('release.deleted'),
    changed(real('release.deleted'), { 'release.draft': true }),
  ],
  'repository-deleted': [
    written('repository.deleted', {}),
    changed(written('repository.deleted', {}), { 'repository.fork': true }),
  ],
  'repository-made-public': [
    real('repository.publicized'),
    changed(real('public'), { 'repository.full_name': 'example-org/website' }),
  ],
  'repository-transferred': [
    real('repository.transferred'),
    changed(real('repository.transferred'), { 'repository.owner.login': 'example-org' }),
  ],
  'review-dismissed': [
    real('pull_request_review.dismissed'),
    changed(real('pull_request_review.dismissed'), { 'pull_request.state': 'closed' }),
  ],
  'ruleset-weakened': [
    written('repository_ruleset.edited', {
      repository_ruleset: ruleset('disabled'),
      changes: { enforcement: { from: 'active' } },
    }),
    written('repository_ruleset.edited', {
      repository_ruleset: ruleset('active'),
      changes: { name: { from: 'x' } },
    }),
  ],
  'secret-alert-closed-unrevoked': [
    written('secret_scanning_alert.resolved', secret({ resolution: 'wont_fix' })),
    written('secret_scanning_alert.resolved', secret({ resolution: 'revoked' })),
  ],
  'security-advisory-published': [
    changed(real('security_advisory.published'), { 'security_advisory.severity': 'critical' }),
    real('security_advisory.published'),
  ],
  'security-feature-switched-off': [
    changed(written('security_and_analysis', { changes: { from: features('enabled') } }), {
      'repository.security_and_analysis': { secret_scanning: { status: 'disabled' } },
    }),
    changed(written('security_and_analysis', { changes: { from: features('disabled') } }), {
      'repository.security_and_analysis': { secret_scanning: { status: 'enabled' } },
    }),
  ],
  'self-hosted-runner-on-public-code': [
    real('workflow_job.queued', 1),
    real('workflow_job.queued', 0),
  ],
  'serious-code-flaw-found': [
    real('code_scanning_alert.created'),
    real('code_scanning_alert.reopened'),
  ],
  'tag-deleted': [
    real('delete'),
    changed(real('delete'), { 'sender.login': 'example-release-bot' }),
  ],
  'team-given-admin': [
    changed(real('team.added_to_repository'), { 'repository.permissions.admin': true }),
    real('team.added_to_repository'),
  ],
  'vulnerability-alert-dismissed': [
    real('repository_vulnerability_alert.dismiss'),
    changed(real('repository_vulnerability_alert.dismiss'), { 'alert.severity': 'low' }),
  ],
  'vulnerable-dependency-found': [
    written('dependabot_alert.created', dependency('critical', 'runtime')),
    written('dependabot_alert.created', dependency('critical', 'development')),
  ],
  'webhook-removed': [
    real('meta.deleted'),
    changed(real('meta.deleted'), { 'hook.active': false }),
  ],
  'workflow-changed': [
    push({
      commits: [
        commit({ modified: ['src/a.ts', '.github/workflows/ci.yml'] }),
        commit({ added: ['b'] }),
      ],
    }),
    push({ commits: [commit({ modified: ['src/.github/workflows/ci.yml'] })] }),
  ],
};

describe('each example policy', () => {
  it('is tried here, and there are enough of them', () => {
    const tried = [...Object.keys(cases), 'unknown-risk'].toSorted();
    expect(definitions.map(({ policy }) => policy).toSorted()).toEqual(tried);
    expect(definitions.length).toBeGreaterThanOrEqual(22);
  });

  it.each(Object.entries(cases))('%s fires where it should', async (name, [{ type, data }]) => {
    const { fired, evaluation } = await sayOf(type, data);
    expect(fired).toContain(name);
    expect(evaluation.outcome).toBe('MATCH');
  });

  it.each(Object.entries(cases))('%s stays silent close by', async (name, [, { type, data }]) => {
    const { fired, evaluation } = await sayOf(type, data);
    expect(fired).not.toContain(name);
    expect(evaluation.outcome).not.toBe('UNKNOWN');
  });

  it('names a control of SOC 2, ISO 27001 or NIST 800-53, and a target of the examples', () => {
    for (const { regulatory_reference: control, recommendations } of definitions) {
      expect(control).toMatch(
        /^SOC 2 CC\d\.\d.*; ISO 27001:2022 A\.[58]\.\d+.*; NIST 800-53 [A-Z]{2}-\d+/,
      );
      for (const { target } of recommendations) {
        expect(['github-webhook', 'ticket-queue', 'audit-log']).toContain(target);
      }
    }
  });

  it('stands in a file of its name', () => {
    const files = readdirSync('examples/policies').toSorted();
    expect(files).toEqual(definitions.map(({ policy }) => `${policy}.yaml`).toSorted());
  });
});

describe('the README of the examples', () => {
  const readme = readFileSync('examples/README.md', 'utf8');
  const documents = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

  it('shows documents that can be loaded, and a case that passes', async () => {
    expect(documents).toHaveLength(3);
    const [policy, cases, model] = documents;
    const reading = testedPolicyDocument.read('README.md', `${policy}${cases}`);
    if ('faults' in reading) throw new Error(reading.faults.map(printFault).join('\n'));
    const { definition, cases: own } = reading.definition;
    expect(await runCase(compiled(definition), own[0]!)).toMatchObject({ passed: true });
    expect(riskModelDocument.read('README.md', model!)).toHaveProperty('definition');
  });

  it('names every operator', () => {
    expect(operatorNames.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the real payloads', () => {
  it('can all be answered: none is of unknown risk, no policy is unknown', async () => {
    for (const { type, data } of payloads) {
      const { weighing, evaluation } = await sayOf(type, data);
      expect(`${type} ${weighing.level}`).not.toContain('UNKNOWN');
      expect(`${type} ${evaluation.outcome}`).not.toContain('UNKNOWN');
    }
    expect(payloads).toHaveLength(329);
  });

  it('spread over all levels', async () => {
    const levels: Record<string, number> = {};
    for (const { type, data } of payloads) {
      const { weighing } = await sayOf(type, data);
      levels[weighing.level] = (levels[weighing.level] ?? 0) + 1;
    }
    expect(levels).toEqual({ LOW: 266, MEDIUM: 44, HIGH: 9, CRITICAL: 10 });
  });
});

describe('unknown-risk', () => {
  it('takes up every event that could not be weighed, and no other', async () => {
    for (const { type, data } of [real('star.created'), real('ping'), real('push')]) {
      const unknown = await sayOf(type, data, unweighed('no risk model is in force'));
      expect(unknown.fired).toContain('unknown-risk');
      expect((await sayOf(type, data)).fired).not.toContain('unknown-risk');
    }
  });
});

it('every example passes the cases that stand in it, among them one that fires and one that does not', async () => {
  const documents = await readDocuments(['examples']);
  if ('faults' in documents) throw new Error(documents.faults.map(printFault).join('\n'));
  for (const { definition, cases: own } of documents.policies) {
    const results = await Promise.all(own.map((one) => runCase(compiled(definition), one)));
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
    const outcomes = results.map(({ actual }) => actual);
    expect(outcomes).toContain('matched');
    expect(outcomes.some((outcome) => outcome !== 'matched')).toBe(true);
  }
});
