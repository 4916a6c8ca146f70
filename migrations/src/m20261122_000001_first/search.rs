//! What search looks words up in, each database by its own means.

pub(super) const POSTGRES: &str = "
create index product_search on product_text using gin (to_tsvector('simple', search_text));
create index shop_search on shop_text using gin (to_tsvector('simple', search_text));
";

pub(super) const SQLITE: &str = "
create virtual table product_search using fts5 (search_text, content = 'product_text', content_rowid = 'id');
create trigger product_search_added after insert on product_text begin
    insert into product_search (rowid, search_text) values (new.id, new.search_text);
end;
create trigger product_search_removed after delete on product_text begin
    insert into product_search (product_search, rowid, search_text) values ('delete', old.id, old.search_text);
end;
create trigger product_search_changed after update on product_text begin
    insert into product_search (product_search, rowid, search_text) values ('delete', old.id, old.search_text);
    insert into product_search (rowid, search_text) values (new.id, new.search_text);
end;
create virtual table shop_search using fts5 (search_text, content = 'shop_text', content_rowid = 'id');
-- What a shopholder called her shop is really gone from the index when she has it erased.
insert into shop_search (shop_search, rank) values ('secure-delete', 1);
create trigger shop_search_added after insert on shop_text begin
    insert into shop_search (rowid, search_text) values (new.id, new.search_text);
end;
create trigger shop_search_removed after delete on shop_text begin
    insert into shop_search (shop_search, rowid, search_text) values ('delete', old.id, old.search_text);
end;
create trigger shop_search_changed after update on shop_text begin
    insert into shop_search (shop_search, rowid, search_text) values ('delete', old.id, old.search_text);
    insert into shop_search (rowid, search_text) values (new.id, new.search_text);
end;
";
