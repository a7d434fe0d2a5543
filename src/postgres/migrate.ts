import { version } from '../version.ts';
import type { Database } from './open-database.ts';

/**
 * Brings the schema up to date, one process at a time. Every step adds and takes nothing, so that a
 * process of the version before works beside this one. A step that was released is never changed.
 */
export async function migrate(database: Database, subject: string, steps: readonly string[]): Promise<void> {
  const { schema } = database;
  await database.transaction(`migrate_${subject}`, async (ask) => {
    await ask('', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`vitrine ${schema}`]);
    const [has] = await ask('', 'SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    // Who may only use a schema that was made for it may not make one.
    if (!has) await ask('', `CREATE SCHEMA ${schema}`);
    await ask(
      '',
      `CREATE TABLE IF NOT EXISTS ${schema}.migration (
         subject text NOT NULL, step integer NOT NULL, version text NOT NULL,
         at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (subject, step))`,
    );
    const [done] = await ask('', `SELECT coalesce(max(step), 0) AS step FROM ${schema}.migration WHERE subject = $1`, [
      subject,
    ]);
    for (let step = Number(done?.step); step < steps.length; step += 1) {
      await ask('', steps[step]!);
      await ask('', `INSERT INTO ${schema}.migration (subject, step, version) VALUES ($1, $2, $3)`, [
        subject,
        step + 1,
        version,
      ]);
    }
  });
}
