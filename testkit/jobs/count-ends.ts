import type { TestPostgres } from '../postgres.ts';

/** From now on every end of a job is a row of its own, with who worked on it. */
export async function countEnds(database: TestPostgres, schema: string): Promise<void> {
  await database.ask(`CREATE TABLE ${schema}.ends (id text, attempt integer, state text, owner text)`);
  await database.ask(`CREATE FUNCTION ${schema}.note_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO ${schema}.ends VALUES (NEW.id, NEW.attempt, NEW.state, OLD.owner); RETURN NEW; END $$`);
  await database.ask(`CREATE TRIGGER note_end AFTER UPDATE OF state ON ${schema}.job FOR EACH ROW
    WHEN (NEW.state IN ('done', 'failed', 'cancelled')) EXECUTE FUNCTION ${schema}.note_end()`);
}
