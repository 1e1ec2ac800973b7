-- Runs once, as root, when the data directory is empty. Each service owns its
-- database; the user comes from MYSQL_USER in compose.yaml.
CREATE DATABASE boxoffice_stock;
CREATE DATABASE boxoffice_order;
CREATE DATABASE boxoffice_tickets;
CREATE DATABASE boxoffice_notify;
GRANT ALL ON boxoffice_stock.* TO 'boxoffice'@'%';
GRANT ALL ON boxoffice_order.* TO 'boxoffice'@'%';
GRANT ALL ON boxoffice_tickets.* TO 'boxoffice'@'%';
GRANT ALL ON boxoffice_notify.* TO 'boxoffice'@'%';
