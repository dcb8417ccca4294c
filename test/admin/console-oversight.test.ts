import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConsole, readable, type TestConsole, type Visitor } from '../support/console.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';
import { appendEntry, hex } from '../support/sql.ts';

let desk: TestConsole;
let review: ReviewToDecide;
let ada: Visitor;
let aud: Visitor;
let ole: Visitor;
let token: string;
beforeAll(async () => {
  desk = await openConsole({ readiness: { postgres: null, ledger: 'cannot be appended to' } });
  ada = await desk.signedIn('ada', 'Administrator');
  aud = await desk.signedIn('aud', 'Auditor');
  ole = await desk.signedIn('ole', 'Operator');
  token = await desk.addPerson('tim', 'Administrator');
  review = await openReview(desk.decision, desk.facts, { level: 'LOW', subject: 'octo/repo' });
});
afterAll(() => desk.close());

const pageOf = async (visitor: Visitor, path: string) => {
  const { statusCode, body } = await visitor.get(path);
  return { status: statusCode, said: readable(body), body };
};

describe('the access record', () => {
  it('has a line for each look and each export, before anything is shown', async () => {
    const { eventId, reviewId } = review;
    await ada.get(`/console/reviews/${reviewId}`);
    await ada.get(`/console/events/${eventId}`);
    await ada.get(`/console/events/${eventId}/trace`);
    await ada.get(`/console/events/${eventId}/payload`);
    await desk.server.inject({
      url: `/v1/reviews/${reviewId}`,
      headers: { authorization: `Bearer ${token}` },
    });
    const { rows } = await desk.client.query<{ line: string }>(
      `select concat_ws(' ', p.name, a.act, a.thing, a.way) as line
       from identity.access_record a join identity.person p on p.person_id = a.person_id order by a.accessed_at`,
    );
    expect(rows.map(({ line }) => line)).toEqual([
      'ada look review console',
      'ada look event console',
      'ada export event console',
      'ada export payload console',
      'tim look review api',
    ]);
  });

  it('is for Auditors, whose own looks are in it, by person and by act', async () => {
    expect((await pageOf(ada, '/console/accesses')).status).toBe(403);
    expect((await pageOf(ada, '/console')).said).not.toContain('Access record');
    const { said } = await pageOf(aud, '/console/accesses?person=ada&act=export');
    expect(said).toMatch(/ada exported payload .* ada exported event /);
    expect(said).not.toContain('looked at review');
    expect((await pageOf(aud, '/console/accesses?person=aud')).said).toContain(
      'aud looked at access record',
    );
    expect((await pageOf(aud, '/console/accesses?person=nobody')).said).toContain(
      'Nothing like that',
    );
  });

  it('goes on on the next page, without a line twice or none', async () => {
    await desk.client.query(
      `insert into identity.access_record (person_id, act, thing, thing_id, way)
       select person_id, 'look', 'event', n::text, 'console'
       from identity.person, generate_series(1, 150) as n where name = 'tim'`,
    );
    const seen: string[] = [];
    let path: string | undefined = '/console/accesses?person=tim';
    for (; path !== undefined; ) {
      const { body } = await aud.get(path);
      seen.push(...[...body.matchAll(/<code class="whole">([^<]+)<\/code>/g)].map(([, id]) => id!));
      path = /<a href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&');
    }
    // And the look over the API.
    expect(seen).toHaveLength(151);
    expect(new Set(seen).size).toBe(151);
  });

  it('what cannot be recorded is not shown', async () => {
    await desk.client.query('alter table identity.access_record rename to moved');
    try {
      const { status, said } = await pageOf(ada, `/console/reviews/${review.reviewId}`);
      expect(status).toBe(500);
      expect(said).not.toContain('octo/repo');
    } finally {
      await desk.client.query('alter table identity.moved rename to access_record');
    }
  });
});

describe('executions', () => {
  it('say what became of a decision; Operators see states and not what it is about', async () => {
    expect((await pageOf(ada, '/console/executions')).said).toContain('Nothing was executed yet');
    const done = await openReview(desk.decision, desk.facts, {
      level: 'LOW',
      subject: 'octo/done',
    });
    const path = `/console/reviews/${done.reviewId}`;
    await ada.submit(path, `${path}/decisions`, {
      act: 'approve',
      option: 'restore',
      justification: '',
    });
    const { rows } = await desk.client.query<{ id: string }>(
      'select decision_id as id from decision.decision where review_id = $1',
      [done.reviewId],
    );
    await appendEntry(desk.client, 'DECISION', rows[0]!.id);
    await desk.client.query(
      `insert into execution.execution (execution_id, decision_id, target_system, execution_command, execution_status,
         event_id, action_no, request_body, command_sha256, expires_at, next_attempt_at)
       select gen_random_uuid(), decision_id, 'access-control', '{"action": "restore", "branch": "main"}', 'requested', event_id, 1, '{}', $2, expires_at, now()
       from decision.decision where decision_id = $1`,
      [rows[0]!.id, hex('c')],
    );
    const { said } = await pageOf(ada, '/console/executions?state=open');
    expect(said).toContain('octo/done at target access-control');
    expect(said).toContain('requested 0 attempts');
    expect((await pageOf(ada, '/console/executions?state=failed')).said).toContain(
      'No execution has failed',
    );
    const operators = await pageOf(ole, '/console/executions');
    expect(operators.said).toContain('requested');
    expect(operators.said).not.toContain('octo/done');
  });
});

describe('health', () => {
  it('names what fails, what lags behind, and whether people are told', async () => {
    const { said } = await pageOf(ole, '/console/health');
    expect(said).toContain('not ready One thing is not as it should be.');
    expect(said).toContain('ledger fails cannot be appended to');
    expect(said).toContain('review 2 41 s');
    expect(said).toContain('Nobody was told of anything.');
    await desk.client.query(`insert into decision.notification_message
      (message_id, route, subject, content, body, attempts, detail)
      values (gen_random_uuid(), 'officers', 's', 'c', 'b', 1, 'answered 503')`);
    expect((await pageOf(ole, '/console/health')).said).toMatch(
      /officers 0 1 for less than a minute 0 answered 503/,
    );
  });
});

describe('the changes of a policy', () => {
  it('are shown line by line between any two versions', async () => {
    await desk.client.query(`insert into policy.policy (policy_id, version, status, description, regulatory_reference,
        priority_level, name, title, definition, definition_sha256, author)
      select policy_id, 2, 'draft', description, regulatory_reference, priority_level, name, title,
        definition || '{"note": "<b>second</b>"}', repeat('5', 64), author
      from policy.policy where name = 'branch-protection' and version = 1`);
    const { said, body } = await pageOf(ada, '/console/policies/branch-protection/changes');
    expect(said).toContain('Version 1 to version 2');
    expect(said).toContain('added "note": "<b>second</b>"');
    expect(body).not.toContain('<b>second');
    const same = await pageOf(ada, '/console/policies/branch-protection/changes?from=1&to=1');
    expect(same.said).toContain('Nothing differs');
    const reversed = await pageOf(ada, '/console/policies/branch-protection/changes?from=2&to=1');
    expect(reversed.said).toContain('removed "note"');
    expect((await pageOf(ada, '/console/policies/branch-protection/changes?from=9')).status).toBe(
      404,
    );
  });
});

describe('a view of the inbox', () => {
  const save = (visitor: Visitor, query: string, name: string) =>
    visitor.submit(`/console?${query}`, '/console/views', { name });

  it('is kept under a name, shown to its person alone, and forgotten', async () => {
    const answer = await save(ada, 'level=LOW&source=urn%3Aexample%3Afacts', 'My <own>');
    expect(answer.headers.location).toBe('/console?level=LOW&source=urn%3Aexample%3Afacts');
    const { said, body } = await pageOf(ada, '/console');
    expect(said).toContain('My <own>');
    expect((await pageOf(aud, '/console')).said).not.toContain('My <own>');
    const [, link] = /<a href="([^"]+)"><bdi>My/.exec(body) ?? [];
    const shown = await ada.get(link!.replaceAll('&amp;', '&'));
    const [, end = ''] = /action="(\/console\/views\/[^"]+\/end)"/.exec(shown.body) ?? [];
    // Somebody else cannot end it.
    const token_ = /name="form_token" value="([^"]+)"/.exec((await aud.get('/console')).body)![1]!;
    await aud.post(end, { form_token: token_ });
    expect((await pageOf(ada, '/console')).said).toContain('My <own>');
    await ada.submit(link!.replaceAll('&amp;', '&'), end, {});
    expect((await pageOf(ada, '/console')).said).not.toContain('My <own>');
  });

  it('holds filters of the inbox and nothing else', async () => {
    const path = '/console?level=MEDIUM';
    const answer = await ada.submit(path, '/console/views', {
      name: 'Odd',
      query: 'level=MEDIUM&next=https%3A%2F%2Fevil.example&cursor=x',
    });
    expect(answer.headers.location).toBe('/console?level=MEDIUM');
  });
});
